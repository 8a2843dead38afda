"""A function's source as an archive, and the archive in a bucket."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dreamnet.clouds.aws import aws_errors
from dreamnet.errors import ConfigurationError
from dreamnet.warehouse.load import google_errors

if TYPE_CHECKING:
    from dreamnet.clouds.aws import AwsAccount
    from dreamnet.clouds.google import GoogleAccount

#: The oldest time a ZIP archive can hold; every entry gets it, so that equal sources give equal bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)

_LEFT_OUT = frozenset({"__pycache__", ".DS_Store", ".git"})


def package_function(path: Path, renamed: Mapping[str, str] | None = None) -> bytes:
    """The ZIP archive of a function's folder: the same bytes for the same files, on any machine.

    Args:
        renamed: other names inside the archive, such as `{"handler.py": "dream_events.py"}` for a Lambda
        function
            whose handler is `dream_events.handler`.

    Raises:
        ConfigurationError: there is no such folder, or it is empty.
    """
    files = sorted(one for one in path.rglob("*") if one.is_file() and not _LEFT_OUT & set(one.parts))
    if not files:
        raise ConfigurationError(
            f"There is no function's source in {path}.", "Name a folder under functions/ that holds one."
        )
    names = {one.relative_to(path).as_posix(): one for one in files}
    names = {(renamed or {}).get(name, name): one for name, one in names.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(names.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose permissions Lambda obeys
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def upload_google(account: GoogleAccount, bucket: str, name: str, archive: bytes) -> str:
    """Put an archive into Cloud Storage, replacing what has its name; returns its `gs://` address.

    Raises:
        CredentialsError, UnreachableError, ResourceError: Google refuses, or the bucket is missing.
    """
    with google_errors(f"Upload to gs://{bucket}/{name}"):
        account.storage().bucket(bucket).blob(name).upload_from_string(
            archive, content_type="application/zip"
        )
    return f"gs://{bucket}/{name}"


def upload_aws(account: AwsAccount, bucket: str, key: str, archive: bytes) -> str:
    """Put an archive into S3, replacing what has its name; returns its `s3://` address.

    Raises:
        CredentialsError, UnreachableError, ResourceError: AWS refuses, or the bucket is missing.
    """
    with aws_errors(f"Upload to s3://{bucket}/{key}"):
        account.client("s3").put_object(Bucket=bucket, Key=key, Body=archive, ContentType="application/zip")
    return f"s3://{bucket}/{key}"
