"""S3's replication, which moto only stores: objects and delete markers really arrive in the other bucket."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, AwsError, Call

_LOG = logging.getLogger(__name__)

#: Several operations share a method and path, and go by the name of the first: the query tells them apart.
_WRITES = ("PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "AbortMultipartUpload")
_SETTING = ("PutBucketReplication", "GetBucketReplication")


@dataclass(frozen=True)
class BucketReplication:
    """Copies what is written to a bucket to where its rules say.

    Attributes:
        pool: where the copying happens, after the answer.
    """

    account_id: str
    pool: ThreadPoolExecutor
    operations: frozenset[str] = frozenset(f"s3:{name}" for name in (*_WRITES, *_SETTING))

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto do it; then copy."""
        bucket, _, key = call.path.lstrip("/").partition("/")
        if call.operation == "GetBucketReplication":
            return self._shown(bucket) or moto(call)
        if call.operation == "PutBucketReplication":
            self._check(bucket, call)
            return moto(call)
        answer = moto(call)
        if answer.status < 300 and key and not _partial(call):
            for rule in self._rules(bucket, key):
                self.pool.submit(self._copy, bucket, key, rule, call.method == "DELETE")
        return answer

    @property
    def _backend(self) -> Any:
        from moto.s3.models import s3_backends

        return s3_backends[self.account_id]["aws"]

    def _bucket(self, name: str) -> Any:
        return self._backend.buckets.get(name)

    def _configuration(self, name: str) -> dict[str, Any]:
        """What was put; empty where there is none."""
        return getattr(self._bucket(name), "replication", None) or {}

    def _rules(self, name: str, key: str) -> list[dict[str, Any]]:
        return [
            rule
            for rule in self._configuration(name).get("Rule", ())
            if rule["Status"] == "Enabled" and key.startswith((rule.get("Filter") or {}).get("Prefix") or "")
        ]

    def _check(self, name: str, call: Call) -> None:
        """Both buckets must be there and versioned (S3 user guide, "Requirements for replication")."""
        import xmltodict

        rules = xmltodict.parse(call.body)["ReplicationConfiguration"]["Rule"]
        for rule in rules if isinstance(rules, list) else [rules]:
            target = self._bucket(rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::"))
            if target is None:
                raise AwsError("InvalidRequest", "Destination bucket must exist.")
            if not target.is_versioned:
                raise AwsError("InvalidRequest", "Destination bucket must have versioning enabled.")
        source = self._bucket(name)
        if source is not None and not source.is_versioned:
            message = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
            raise AwsError("InvalidRequest", message)

    def _shown(self, name: str) -> Answer | None:
        """The rules as they were put: moto shows filters and markers of its own."""
        import xmltodict

        configuration = self._configuration(name)
        if not configuration:
            return None
        body = xmltodict.unparse({"ReplicationConfiguration": configuration})
        return Answer(200, {"Content-Type": "application/xml"}, body.encode())

    def _copy(self, name: str, key: str, rule: dict[str, Any], deleted: bool) -> None:
        target = rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::")
        if self._bucket(target) is None:
            _LOG.warning("replication of %s/%s: %s has gone", name, key, target)
            return
        if deleted:
            if (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled":
                self._backend.delete_object(target, key)
            return
        found = self._backend.get_object(name, key)
        if found is None:  # deleted again meanwhile
            return
        storage = rule["Destination"].get("StorageClass") or found.storage_class
        made = self._backend.put_object(target, key, found.value, storage=storage)
        made.set_metadata(dict(found.metadata), replace=True)


def _partial(call: Call) -> bool:
    """A part of an upload, its end without an object, or one version: nothing that is replicated."""
    told = {"versionId"} if call.method == "POST" else {"versionId", "uploadId"}
    return bool(told & parse_qs(call.query, keep_blank_values=True).keys())
