"""The floor of a plan: the same reads, through the same clients, as many at a time, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from benchmarks.clouds import Clouds
from dreamnet.clouds import google_rest
from dreamnet.errors import GameplanError

#: boto3's methods of the operations that a plan calls.
_METHODS = {"GetResource": "get_resource", "ListResources": "list_resources"}

Read = Callable[[], object]


@contextmanager
def recorded(clouds: Clouds, regions: tuple[str, ...]) -> Iterator[list[Read]]:
    """Collects every read that is made while the context is open, ready to be made again."""
    reads: list[Read] = []
    call = google_rest.call

    def google(*arguments: Any, **options: Any) -> Any:
        reads.append(lambda: call(*arguments, **options))
        return call(*arguments, **options)

    def aws(client: Any) -> Callable[..., None]:
        def noted(params: dict[str, Any], model: Any, **_: Any) -> None:
            again, method = dict(params), getattr(client, _METHODS[model.name])
            reads.append(lambda: method(**again))

        return noted

    clients = [clouds.aws.client("cloudcontrol", region) for region in regions]
    handlers = [aws(client) for client in clients]
    for client, handler in zip(clients, handlers, strict=True):
        client.meta.events.register("provide-client-params.cloudcontrol.*", handler)
    try:
        with patch.object(google_rest, "call", google):
            yield reads
    finally:
        for client, handler in zip(clients, handlers, strict=True):
            client.meta.events.unregister("provide-client-params.cloudcontrol.*", handler)


def floor_seconds(reads: list[Read], at_once: int) -> float:
    """Seconds that these reads take by themselves; what is not there is an answer too."""

    def make(read: Read) -> None:
        try:
            read()
        except (GameplanError, ClientError):
            return

    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(make, reads):
            pass
    return time.monotonic() - began
