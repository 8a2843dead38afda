"""Firehose to S3, as moto doesn't do it: streams are read, objects named and packed as declared."""

from __future__ import annotations

import base64
import gzip
import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_LOG = logging.getLogger(__name__)

#: Seconds between deliveries: buffering hints, of minutes, are stored and not waited for.
_EVERY = 0.5
#: Java's date patterns as far as prefixes use them, and Python's.
_PATTERNS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M"}
_EXPRESSION = re.compile(r"!\{timestamp:([^}]*)\}")


@dataclass(frozen=True)
class Firehose:
    """Delivers what arrives in Kinesis streams to the buckets of the delivery streams that read them.

    Attributes:
        changed: called after a delivery.
    """

    account_id: str
    changed: Callable[[], None]
    stopped: threading.Event = field(default_factory=threading.Event)

    def install(self) -> None:
        """Write what is put to a delivery stream directly the same way."""
        from moto.firehose.models import FirehoseBackend

        def put(
            backend: Any, name: str, version: str, target: dict[str, Any], records: list[dict[str, Any]]
        ) -> list[dict[str, str]]:
            write(self.account_id, name, version, target, [base64.b64decode(one["Data"]) for one in records])
            return [{"RecordId": str(uuid.uuid4())} for _ in records]

        FirehoseBackend.put_s3_records = put

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._run, name="firehose", daemon=True).start()

    def stop(self) -> None:
        """Read no more."""
        self.stopped.set()

    def _run(self) -> None:
        while not self.stopped.wait(_EVERY):
            for region, stream in list(self._reading()):
                try:
                    self._deliver(region, stream)
                except (KeyError, RuntimeError) as error:  # a bucket or stream that has gone: tried again
                    _LOG.warning("firehose %s: %s", stream.delivery_stream_name, error)

    def _reading(self) -> Iterator[tuple[str, Any]]:
        """The delivery streams that have a Kinesis stream as their source."""
        from moto.firehose.models import firehose_backends

        for region, backend in list(firehose_backends[self.account_id].items()):
            for stream in list(backend.delivery_streams.values()):
                if stream.delivery_stream_type == "KinesisStreamAsSource":
                    yield region, stream

    def _deliver(self, region: str, stream: Any) -> None:
        from moto.kinesis.models import kinesis_backends

        arn = stream.source["KinesisStreamARN"]
        source = kinesis_backends[self.account_id][region].streams[arn.rsplit("/", 1)[-1]]
        positions: dict[str, int] = stream.__dict__.setdefault("rehearsal_positions", {})
        found, reached = [], dict(positions)
        for shard in list(source.shards.values()):
            records = [r for n, r in list(shard.records.items()) if n > positions.get(shard.shard_id, 0)]
            found += [base64.b64decode(record.data) for record in records]
            if records:
                reached[shard.shard_id] = records[-1].sequence_number
        if found:
            target = stream.destinations[0]["ExtendedS3"]
            write(self.account_id, stream.delivery_stream_name, stream.version_id, target, found)
            positions.update(reached)
            self.changed()


def write(account_id: str, name: str, version: str, target: dict[str, Any], records: list[bytes]) -> None:
    """One object with these records, one after the other.

    Args:
        name: the delivery stream's.
        version: of its configuration.
        target: its destination: BucketARN, Prefix, CompressionFormat.
    """
    from moto.s3.models import s3_backends

    content, ending = b"".join(records), ""
    if target.get("CompressionFormat") == "GZIP":
        content, ending = gzip.compress(content), ".gz"
    now = datetime.now(UTC)
    key = f"{prefix(target.get('Prefix', ''), now)}{name}-{version}-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
    bucket = target["BucketARN"].rsplit(":", 1)[-1]
    s3_backends[account_id]["aws"].put_object(bucket, f"{key}{ending}", content)


def prefix(declared: str, now: datetime) -> str:
    """A prefix with its time expressions evaluated; without any, the hour comes after it (Firehose developer
    guide, "Custom prefixes for Amazon S3 objects")."""
    if "!{" not in declared:
        return f"{declared}{now:%Y/%m/%d/%H}/"

    def moment(match: re.Match[str]) -> str:
        pattern = match[1]
        for java, python in _PATTERNS.items():
            pattern = pattern.replace(java, python)
        return now.strftime(pattern)

    return _EXPRESSION.sub(moment, declared)
