"""Where a function's source is unpacked, and the process that runs it."""

from __future__ import annotations

import base64
import io
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from localcloud.google.data import STORAGE
from localcloud.google.data.upstream import root
from localcloud.google.hooks import Refusal, invalid

if TYPE_CHECKING:
    from localcloud.google.calls import Context
    from localcloud.google.store import Stored

#: An archive's size when unpacked that Google allows (https://cloud.google.com/functions/quotas, November
#: 2026).
MAX_SOURCE_BYTES = 500 * 1024 * 1024


def deploy(context: Context, function: Stored) -> None:
    """Unpack the archive and run it in place of what ran; writes the outputs into the function's body.

    Raises:
        Refusal: the archive is missing or no archive, or the process did not come up.
    """
    _unpack(context, function)
    context.engines.delete(_engine(function))
    run(context, function)
    url = address(context, function)
    service = function.body["serviceConfig"]
    service["uri"] = url
    service["service"] = f"{function.path.rsplit('/', 2)[0]}/services/{function.name}"
    function.body["url"] = url


def run(context: Context, function: Stored) -> None:
    """Start the process, unless it runs.

    Raises:
        Refusal: it did not come up; says the last line it printed.
    """
    from dreamnet.errors import GameplanError
    from localcloud.ports import free_port

    known = context.engines.get(_engine(function))
    port = known.port if known else free_port()
    build, region = function.body["buildConfig"], function.path.split("/")[3]
    event = "eventTrigger" in function.body
    signature = "cloudevent" if event else "http"
    # fmt: off
    argv = [
        sys.executable, "-m", "functions_framework",
        "--target", build["entryPoint"], "--signature-type", signature,
        "--source", str(folder(context, function) / "main.py"), "--host", "127.0.0.1", "--port", str(port),
    ]
    # fmt: on
    try:
        context.engines.process(
            _engine(function),
            kind="functions-framework",
            region=region,
            argv=argv,
            environment=_environment(context, function, signature),
            ready=None,
            host="127.0.0.1",
            port=port,
        )
    except GameplanError as error:
        message = f"Could not create or update function {function.name}: {error.problem}"
        raise Refusal(400, message, "FAILED_PRECONDITION") from error


def address(context: Context, function: Stored) -> str:
    """The URL the function answers at.

    Raises:
        Refusal: 503, it was never deployed.
    """
    return root(context, _engine(function))


def remove(context: Context, function: Stored) -> None:
    """Stop the process and remove the source."""
    context.engines.delete(_engine(function))
    shutil.rmtree(folder(context, function), ignore_errors=True)


def folder(context: Context, function: Stored) -> Path:
    """Where its source lies."""
    region = function.path.split("/")[3]
    path: Path = context.state.dir / "functions" / region / function.name
    return path


def _engine(function: Stored) -> str:
    return f"function-{function.path.split('/')[3]}-{function.name}"


def _environment(context: Context, function: Stored, signature: str) -> dict[str, str]:
    """What Google sets, what the function's declaration sets, and where the local Cloud Storage is."""
    return {
        "K_SERVICE": function.name,
        "FUNCTION_TARGET": function.body["buildConfig"]["entryPoint"],
        "FUNCTION_SIGNATURE_TYPE": signature,
        "GOOGLE_CLOUD_PROJECT": context.project,
        "STORAGE_EMULATOR_HOST": root(context, STORAGE),
        **function.body["serviceConfig"].get("environmentVariables", {}),
        **_secrets(context, function),
    }


def _secrets(context: Context, function: Stored) -> dict[str, str]:
    """The secrets that the function is given as variables. One without a version stays unset; Google
    deploys no such function."""
    values = {}
    for one in function.body["serviceConfig"].get("secretEnvironmentVariables", []):
        secret = context.store.get(f"secretmanager/projects/{context.project}/secrets/{one['secret']}")
        if secret is None:
            raise invalid(f"Secret {one['secret']} was not found.")
        asked = one.get("version", "latest")
        number = secret.private.get("versions", 0) if asked == "latest" else asked
        version = context.store.get(f"{secret.key}/versions/{number}")
        if version and version.body["state"] == "ENABLED":
            values[str(one["key"])] = base64.b64decode(version.private["data"]).decode()
    return values


def _unpack(context: Context, function: Stored) -> None:
    source = function.body["buildConfig"]["source"]["storageSource"]
    where = f"gs://{source['bucket']}/{source['object']}"
    name = quote(source["object"], safe="")
    url = f"{root(context, STORAGE)}/download/storage/v1/b/{source['bucket']}/o/{name}?alt=media"
    answer = httpx.get(url, timeout=60)
    if answer.status_code == 404:
        raise Refusal(400, f"Source archive {where} was not found.", "FAILED_PRECONDITION")
    answer.raise_for_status()
    try:
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
    except zipfile.BadZipFile as error:
        raise invalid(f"Source archive {where} is not a ZIP archive.") from error
    with archive:
        if sum(one.file_size for one in archive.infolist()) > MAX_SOURCE_BYTES:
            raise invalid(f"Source archive {where} is larger than 500 MB when unpacked.")
        if "main.py" not in archive.namelist():
            raise invalid(f"Source archive {where} has no main.py at its top.")
        target = folder(context, function)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        archive.extractall(target)
