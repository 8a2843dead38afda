"""What AWS deletes only when it is empty: buckets (`s3:DeleteBucket`) and registries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dreamnet.clouds.aws import AwsAccount, aws_errors
from dreamnet.errors import ResourceError
from dreamnet.resources.model import Live, Resource

#: So many images one call takes (ECR API reference, `BatchDeleteImage`). Of objects it is a listing's page.
IMAGES_A_CALL = 100


def empty(account: AwsAccount, resource: Resource, live: Live) -> None:
    """Delete what is inside, where the type needs that. Whoever calls has the consent for it."""
    work = _EMPTY.get(resource.type)
    if work:
        with aws_errors(resource.id):
            work(account, resource, live)


def _bucket(account: AwsAccount, resource: Resource, live: Live) -> None:
    client = account.client("s3", resource.parent)
    for page in client.get_paginator("list_object_versions").paginate(Bucket=live.identifier):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            deleted = {"Objects": objects, "Quiet": True}
            _check(resource, client.delete_objects(Bucket=live.identifier, Delete=deleted).get("Errors"))


def _registry(account: AwsAccount, resource: Resource, live: Live) -> None:
    client = account.client("ecr", resource.parent)
    name = live.identifier
    images: list[dict[str, str]] = []
    for page in client.get_paginator("list_images").paginate(repositoryName=name):
        images += [{"imageDigest": one["imageDigest"]} for one in page["imageIds"]]
    for start in range(0, len(images), IMAGES_A_CALL):
        some = images[start : start + IMAGES_A_CALL]
        _check(resource, client.batch_delete_image(repositoryName=name, imageIds=some).get("failures"))


def _check(resource: Resource, refused: list[dict[str, Any]] | None) -> None:
    if refused:
        raise ResourceError(
            f"{resource.id}: AWS keeps {len(refused)} of what is inside, such as {refused[0]}.",
            "Look whether a lock or a policy holds it, and destroy again.",
        )


_EMPTY: Mapping[str, Callable[[AwsAccount, Resource, Live], None]] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::ECR::Repository": _registry,
}
