"""Where the backend's connection string comes from, and how it learns that it has changed."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from dreamnet.errors import ConfigurationError

#: Seconds between two looks at a file, and between two looks at the secret manager.
FILE_PERIOD, SECRET_PERIOD = 0.2, 0.5
#: Seconds between two looks that failing connections ask for.
_HURRY = 0.1


class Source:
    """A connection string that may change at any time.

    Args:
        read: fetches it now; None where it cannot be had (then the last one stays).
        period: seconds between two reads; None: it never changes.
    """

    def __init__(self, read: Callable[[], str | None], period: float | None) -> None:
        self._read = read
        self._period = period
        self._lock = threading.Lock()
        self._url = read()
        self._looked = time.monotonic()

    def url(self, *, hurry: bool = False) -> str | None:
        """The connection string, at most one period old.

        Args:
            hurry: a connection has just failed: look again unless that was done a moment ago.
        """
        if self._period is None:
            return self._url
        with self._lock:
            if time.monotonic() - self._looked >= (min(_HURRY, self._period) if hurry else self._period):
                self._url = self._read() or self._url
                self._looked = time.monotonic()
            return self._url


def source_from_environment(environment: Mapping[str, str]) -> Source:
    """The source that the environment names.

    `DATABASE_SECRET` is a Secret Manager secret (`projects/P/secrets/S`, its latest version is used), read at
    `SECRETMANAGER_URL` with the bearer token in the file `GOOGLE_ACCESS_TOKEN_FILE`. While the secret does
    not exist, `DATABASE_URL` is used.

    Raises:
        ConfigurationError: none is named.
    """
    fallback = environment.get("DATABASE_URL")
    if secret := environment.get("DATABASE_SECRET"):
        root = environment.get("SECRETMANAGER_URL", "https://secretmanager.googleapis.com").rstrip("/")
        token = Path(environment["GOOGLE_ACCESS_TOKEN_FILE"])
        url = f"{root}/v1/{secret}/versions/latest:access"
        return Source(lambda: _secret(url, token) or fallback, SECRET_PERIOD)
    if file := environment.get("DATABASE_URL_FILE"):
        return Source(_file_reader(Path(file)), FILE_PERIOD)
    if fallback:
        return Source(lambda: fallback, None)
    raise ConfigurationError(
        "The backend does not know its database.", "Set DATABASE_URL, DATABASE_URL_FILE or DATABASE_SECRET."
    )


def _file_reader(path: Path) -> Callable[[], str | None]:
    seen: dict[str, tuple[int, str]] = {}

    def read() -> str | None:
        try:
            changed = path.stat().st_mtime_ns
            if "last" not in seen or seen["last"][0] != changed:
                seen["last"] = (changed, path.read_text().strip())
        except FileNotFoundError:
            return None
        return seen["last"][1] or None

    return read


def _secret(url: str, token: Path) -> str | None:
    """The payload of a secret's version; None where it can't be had now (absent, or the server is away)."""
    try:
        request = urllib.request.Request(
            url, headers={"Authorization": f"Bearer {token.read_text().strip()}"}
        )
        with urllib.request.urlopen(request, timeout=2.0) as response:
            data = json.load(response)["payload"]["data"]
    except (OSError, ValueError, KeyError):
        return None
    return base64.b64decode(data).decode().strip()
