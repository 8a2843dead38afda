"""Cloud Storage: a bucket goes only when it is empty (storage.v1, `buckets.delete`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from dreamnet.clouds.google_rest import Refused
from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.google.requests import Request
from dreamnet.resources.model import Resource

Send = Callable[[Collection, Request, str], dict[str, Any]]

BUCKETS = "storage/buckets"

#: Objects are deleted one a call; so many calls at a time.
AT_A_TIME = 16


def empty(resource: Resource, send: Send) -> None:
    """Delete every object of a bucket, noncurrent versions too. Whoever calls has the consent for it.

    A bucket of millions is better emptied by a lifecycle rule first (`age: 0`), which costs no calls.
    """
    objects = load_type("storage.v1/objects")

    def delete(item: dict[str, Any]) -> None:
        path = f"b/{resource.name}/o/{quote(item['name'], safe='')}"
        generation = {"generation": item["generation"]} if "generation" in item else {}
        try:
            send(objects, Request(objects.methods["delete"], path, generation), resource.id)
        except Refused as refused:
            if refused.status != 404:  # somebody else was faster
                raise

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        for _ in pool.map(delete, _listed(objects, resource, send)):
            pass


def _listed(objects: Collection, resource: Resource, send: Send) -> Iterator[dict[str, Any]]:
    parameters: dict[str, Any] = {"versions": "true", "fields": "items(name,generation),nextPageToken"}
    while True:
        request = Request(objects.methods["list"], f"b/{resource.name}/o", dict(parameters))
        answer = send(objects, request, resource.id)
        yield from answer.get("items", [])
        if not answer.get("nextPageToken"):
            return
        parameters["pageToken"] = answer["nextPageToken"]
