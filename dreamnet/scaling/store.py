"""The one saved state: an object in a bucket, written before anything is changed.

Every write names the generation that it replaces (`ifGenerationMatch`), so of two runs at once one is
refused, and a run that was overtaken finds out before its next step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from dreamnet.errors import (
    ConfigurationError,
    CredentialsError,
    PrecheckFailed,
    ResourceError,
    UnreachableError,
)
from dreamnet.scaling.snapshot import Item

Phase = Literal["going-down", "down", "going-up", "up"]
VERSION = 1


@dataclass(frozen=True)
class Night:
    """What is remembered of a night.

    Attributes:
        phase: `up` means that all was restored and proven: only then may the originals be replaced.
        run: who wrote this.
        originals: what has to be restored.
        saved_at: when the originals were first saved (ISO 8601, UTC).
    """

    phase: Phase
    run: str
    originals: tuple[Item, ...]
    saved_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def moved(self, phase: Phase, run: str) -> Night:
        """The same night, one phase on."""
        return replace(self, phase=phase, run=run)

    def to_json(self) -> dict[str, Any]:
        """What is stored."""
        return {
            "version": VERSION,
            "phase": self.phase,
            "run": self.run,
            "saved_at": self.saved_at,
            "originals": [item.to_json() for item in self.originals],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Night:
        """What was stored."""
        originals = tuple(Item.from_json(item) for item in data["originals"])
        return cls(data["phase"], data["run"], originals, data["saved_at"])


class NightStore(Protocol):
    """Where a night is remembered."""

    def load(self) -> tuple[Night | None, int]:
        """What is saved, and its generation (0: nothing)."""
        ...

    def save(self, night: Night, generation: int) -> int:
        """Replace that generation.

        Returns:
            The new generation.

        Raises:
            PrecheckFailed: it is not that generation any more: another run has written.
        """
        ...


@dataclass(frozen=True)
class BucketStore:
    """`gs://BUCKET/night/ENVIRONMENT.json`.

    Args:
        client: a `google.cloud.storage.Client`.
        bucket: usually `<project>-state`; keep object versioning on.
        environment: one for each fleet, such as `production`.
    """

    client: Any = field(repr=False)
    bucket: str
    environment: str

    @property
    def url(self) -> str:
        """Where the state is."""
        return f"gs://{self.bucket}/night/{self.environment}.json"

    def load(self) -> tuple[Night | None, int]:
        """See `NightStore`."""
        from google.api_core.exceptions import GoogleAPICallError, NotFound
        from google.auth.exceptions import GoogleAuthError

        blob = self._blob()
        try:
            content = blob.download_as_bytes()
        except NotFound:
            self._require_bucket()
            return None, 0
        except (GoogleAPICallError, GoogleAuthError, OSError) as error:
            raise self._failed(error) from None
        try:
            data = json.loads(content)
            if data["version"] != VERSION:
                raise ValueError(data["version"])
            return Night.from_json(data), int(blob.generation)
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f"{self.url} does not hold a night's state that this version understands.",
                "Restore an earlier version of the object; do not delete it while anything sleeps.",
            ) from None

    def save(self, night: Night, generation: int) -> int:
        """See `NightStore`."""
        from google.api_core.exceptions import GoogleAPICallError, PreconditionFailed
        from google.auth.exceptions import GoogleAuthError

        blob = self._blob()
        try:
            blob.upload_from_string(
                json.dumps(night.to_json(), indent=1),
                content_type="application/json",
                if_generation_match=generation,
            )
        except PreconditionFailed:
            raise PrecheckFailed(
                f"Another run has changed {self.url} meanwhile.",
                "Let it end, then run again: what it has done will not be done twice.",
            ) from None
        except (GoogleAPICallError, GoogleAuthError, OSError) as error:
            raise self._failed(error) from None
        return int(blob.generation)

    def _blob(self) -> Any:
        return self.client.bucket(self.bucket).blob(f"night/{self.environment}.json")

    def _require_bucket(self) -> None:
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError

        try:
            exists = self.client.bucket(self.bucket).exists()
        except (GoogleAPICallError, GoogleAuthError, OSError) as error:
            raise self._failed(error) from None
        if not exists:
            raise ConfigurationError(
                f"There is no bucket {self.bucket} to keep the night's state in.",
                "Create it with versioning on (infrastructure/google/data), or name another.",
            )

    def _failed(self, error: Exception) -> Exception:
        code = getattr(error, "code", None)
        if code in (401, 403):
            return CredentialsError(
                f"Google refuses access to {self.url} (HTTP {code}).",
                "Grant roles/storage.objectUser on the bucket.",
            )
        if isinstance(error, OSError):
            return UnreachableError(f"Cloud Storage does not answer for {self.url}.", "Check the network.")
        return ResourceError(f"{self.url}: {type(error).__name__} (HTTP {code}).", "Try again.")
