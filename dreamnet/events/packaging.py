"""A function's source as an archive, and the archive in a bucket."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
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


def package_function(path: Path) -> bytes:
    """The ZIP archive of a function's folder: the same bytes for the same files, on any machine.

    Raises:
        ConfigurationError: there is no such folder, or it is empty.
    """
    files = sorted(one for one in path.rglob("*") if one.is_file() and not _LEFT_OUT & set(one.parts))
    if not files:
        raise ConfigurationError(
            f"There is no function's source in {path}.", "Name a folder under functions/ that holds one."
        )
    names = {one.relative_to(path).as_posix(): one for one in files}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in sorted(names.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, whose permissions Lambda obeys
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def upload_google(account: GoogleAccount, bucket: str, name: str, archive: bytes) -> bool:
    """Make the object `gs://bucket/name` hold an archive.

    Returns:
        Whether it had to be written.

    Raises:
        CredentialsError, UnreachableError, ResourceError: Google refuses, or the bucket is missing.
    """
    with google_errors(f"Upload to gs://{bucket}/{name}"):
        blob = account.storage().bucket(bucket).get_blob(name)
        if blob is not None and blob.md5_hash == base64.b64encode(_md5(archive)).decode():
            return False
        account.storage().bucket(bucket).blob(name).upload_from_string(
            archive, content_type="application/zip"
        )
    return True


def upload_aws(account: AwsAccount, bucket: str, key: str, archive: bytes) -> bool:
    """Make the object `s3://bucket/key` hold an archive.

    Returns:
        Whether it had to be written.

    Raises:
        CredentialsError, UnreachableError, ResourceError: AWS refuses, or the bucket is missing.
    """
    client = account.client("s3")
    with aws_errors(f"Upload to s3://{bucket}/{key}"):
        # An object written in one part without KMS has its MD5 as ETag (S3 API reference, "Object").
        found = client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", [])
        if any(item["Key"] == key and item["ETag"].strip('"') == _md5(archive).hex() for item in found):
            return False
        client.put_object(Bucket=bucket, Key=key, Body=archive, ContentType="application/zip")
    return True


def _md5(archive: bytes) -> bytes:
    return hashlib.md5(archive, usedforsecurity=False).digest()
