"""Functions' code on its way to the clouds.

`functions/<cloud>/<name>/` is one function's source. Its archive is named by its content: a declaration says
`<name>-${code.<cloud>.<name>}.zip`, so new code is a new declaration, which plans show; an apply delivers the
archive just before it creates or updates the function.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet.errors import ConfigurationError
from dreamnet.events.packaging import package_function, upload_aws, upload_google
from dreamnet.resources.model import Resource

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: The project's functions.
FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


@dataclass(frozen=True)
class Source:
    """One function's source, and its archive: the same bytes for the same files, on any machine."""

    cloud: str
    name: str
    archive: bytes

    @property
    def version(self) -> str:
        """12 hexadecimal digits of the archive's SHA-256."""
        return hashlib.sha256(self.archive).hexdigest()[:12]

    @property
    def file(self) -> str:
        """The archive's name in a bucket."""
        return f"{self.name}-{self.version}.zip"


def read_sources(root: Path = FUNCTIONS) -> list[Source]:
    """Every function's source under a folder, by cloud and name.

    Raises:
        ConfigurationError: one of the folders is empty.
    """
    folders = sorted(path for path in root.glob("*/*") if path.is_dir() and path.name != "__pycache__")
    return [Source(folder.parent.name, folder.name, package_function(folder)) for folder in folders]


def code_versions(root: Path = FUNCTIONS) -> dict[str, str]:
    """`code.<cloud>.<name>` -> version, for declarations to refer to."""
    return {f"code.{source.cloud}.{source.name}": source.version for source in read_sources(root)}


class Delivery:
    """Puts archives where declarations expect them.

    Args:
        google, aws: whose buckets.
        root: holds `<cloud>/<name>/`.
    """

    def __init__(self, google: GoogleAccount, aws: AwsAccount, root: Path = FUNCTIONS) -> None:
        self._uploads: Mapping[str, Callable[[str, str, bytes], bool]] = {
            "google": lambda bucket, name, archive: upload_google(google, bucket, name, archive),
            "aws": lambda bucket, name, archive: upload_aws(aws, bucket, name, archive),
        }
        self._archives = {(source.cloud, source.file): source.archive for source in read_sources(root)}

    def __call__(self, resource: Resource) -> bool:
        """Deliver a function's archive; other resources need none.

        Args:
            resource: with its references resolved.

        Returns:
            Whether an archive had to be written.

        Raises:
            ConfigurationError: the declaration names an archive that no source here makes.
            CredentialsError, UnreachableError, ResourceError: the cloud refuses, or the bucket is missing.
        """
        expected = _LOCATIONS[resource.type](resource.body) if resource.type in _LOCATIONS else None
        if expected is None:
            return False
        bucket, name = expected
        archive = self._archives.get((resource.cloud, name))
        if archive is None:
            raise ConfigurationError(
                f"{resource.source}: {resource.id} wants the archive {name}, which no folder of"
                f" functions/{resource.cloud} makes.",
                f"Name it NAME-${{code.{resource.cloud}.NAME}}.zip after the folder that holds the source.",
            )
        return self._uploads[resource.cloud](bucket, name, archive)


def _lambda(body: Mapping[str, Any]) -> tuple[str, str] | None:
    code = body.get("Code", {})
    return (code["S3Bucket"], code["S3Key"]) if "S3Key" in code else None


def _cloud_function(body: Mapping[str, Any]) -> tuple[str, str] | None:
    source = body.get("buildConfig", {}).get("source", {}).get("storageSource", {})
    return (source["bucket"], source["object"]) if "object" in source else None


_LOCATIONS: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str] | None]] = {
    "AWS::Lambda::Function": _lambda,
    "cloudfunctions.v2/projects.locations.functions": _cloud_function,
}
