"""Cloud SQL's part in a failover: who is primary, promote a replica, rebuild the old primary as replica.

Calls as in the discovery document sqladmin v1 (November 2026). `demote` there is for external sources and
`switchover` needs the edition ENTERPRISE_PLUS, so the way back for every edition is: delete the stale
instance
and create a replica of the new primary under its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dreamnet.errors import CredentialsError, ResourceError

POLL_S = 0.5
TIMEOUT_S = 3600.0
#: Settings that are Cloud SQL's own, or that it refuses on a replica.
NOT_OF_REPLICAS = frozenset({"settingsVersion", "kind", "activationPolicy", "backupConfiguration"})

Progress = Callable[[str], None]


class Account(Protocol):
    """What is needed of a Google account: the project and discovery clients."""

    @property
    def project(self) -> str:
        """The project's id."""

    def api(self, name: str, version: str) -> Any:
        """A discovery client."""


@dataclass(frozen=True)
class Instance:
    """One instance. state: as Cloud SQL names it (RUNNABLE, MAINTENANCE, ...). primary: of a replica, else
    empty.
    """

    name: str
    region: str
    state: str
    primary: str
    replicas: tuple[str, ...]
    address: str
    settings: Mapping[str, Any]
    version: str

    @property
    def is_replica(self) -> bool:
        """Whether it follows another instance."""
        return bool(self.primary)


class CloudSql:
    """Cloud SQL instances of one project. Each change waits until its operation is done."""

    def __init__(
        self, account: Account, progress: Progress = lambda _: None, timeout: float = TIMEOUT_S
    ) -> None:
        self._account, self._progress, self._timeout = account, progress, timeout
        self._backups: dict[str, Any] = {}

    def get(self, name: str) -> Instance | None:
        """The instance, or None if there is none of this name."""
        body = self._call(f"read instance {name}", self._api().instances().get, instance=name, missing=None)
        return None if body is None else _instance(body)

    def require(self, name: str) -> Instance:
        """The instance; raises ResourceError if there is none."""
        found = self.get(name)
        if found is None:
            raise ResourceError(
                f"Cloud SQL has no instance {name}.", "Create it, or correct the drill's instances."
            )
        return found

    def promote(self, name: str) -> Instance:
        """Make a replica a primary of its own. Nothing if it is one already."""
        if self.require(name).is_replica:
            self._change(f"promote {name}", self._api().instances().promoteReplica, instance=name)
            backups = self._backups.get(name)
            if backups:
                body = {"settings": {"backupConfiguration": backups}}
                self._change(f"back up {name} again", self._api().instances().patch, instance=name, body=body)
        return self.require(name)

    def switchover(self, name: str) -> Instance:
        """Swap the roles of a primary and its DR replica `name` (edition ENTERPRISE_PLUS) without losing a
        write.
        """
        if self.require(name).is_replica:
            self._change(f"switch over to {name}", self._api().instances().switchover, instance=name)
        return self.require(name)

    def create_replica(self, name: str, primary: str, region: str, settings: Mapping[str, Any]) -> Instance:
        """Create a replica in `region` and wait until it serves. Nothing if it is a replica of `primary`
        already.

        Args:
            settings: as of another instance; what a replica can't have is left out.
        """
        found = self.get(name)
        if found is None:
            body = {
                "name": name,
                "region": region,
                "masterInstanceName": primary,
                "instanceType": "READ_REPLICA_INSTANCE",
                "databaseVersion": self.require(primary).version,
                "settings": {key: value for key, value in settings.items() if key not in NOT_OF_REPLICAS},
            }
            self._change(f"create replica {name}", self._api().instances().insert, body=body)
        elif found.primary != primary:
            raise ResourceError(
                f"Cloud SQL instance {name} exists and does not follow {primary}.",
                f"Delete it, or rebuild it as a replica of {primary}.",
            )
        return self.require(name)

    def delete(self, name: str) -> None:
        """Delete an instance and its data. Nothing if it is gone; Cloud SQL itself honours deletion
        protection.
        """
        if self.get(name) is not None:
            self._change(f"delete {name}", self._api().instances().delete, instance=name)

    def rebuild(self, name: str, primary: str) -> Instance:
        """Replace the stale instance `name` by a replica of `primary`, same name, region, settings.

        Its address may be another one afterwards. Backups, which a replica can't have, come back when it is
        promoted. Safe to repeat: a replica of `primary` is left as it is.
        """
        old = self.require(name)
        if old.primary == primary:
            return old
        if old.settings.get("backupConfiguration", {}).get("enabled"):
            self._backups[name] = old.settings["backupConfiguration"]
        self.delete(name)
        return self.create_replica(name, primary, old.region, old.settings)

    # ---- calls

    def _api(self) -> Any:
        return self._account.api("sqladmin", "v1")

    def _call(self, doing: str, method: Any, missing: Any = ..., **arguments: Any) -> Any:
        return execute(method(project=self._account.project, **arguments), f"Cloud SQL: {doing}", missing)

    def _change(self, doing: str, method: Any, **arguments: Any) -> None:
        self._progress(f"Cloud SQL: {doing}")
        started = time.monotonic()
        operation = self._call(doing, method, **arguments)
        while operation.get("status") != "DONE":
            if time.monotonic() - started > self._timeout:
                raise ResourceError(
                    f"Cloud SQL has not finished to {doing} within {self._timeout:.0f} s.",
                    f"Look at operation {operation['name']} in the console and run the drill again.",
                )
            time.sleep(POLL_S)
            operation = self._call(doing, self._api().operations().get, operation=operation["name"])
        errors = (operation.get("error") or {}).get("errors") or []
        if errors:
            said = errors[0].get("message") or errors[0].get("code")
            raise ResourceError(f"Cloud SQL failed to {doing}: {said}", "Put right what it names and repeat.")
        self._progress(f"Cloud SQL: {doing}: done in {time.monotonic() - started:.1f} s")


def execute(request: Any, doing: str, missing: Any = ...) -> Any:
    """Execute a discovery request; errors as GameplanError. `missing`: what to return for 404, if given."""
    from googleapiclient.errors import HttpError

    try:
        return request.execute(num_retries=3)
    except HttpError as error:
        if error.resp.status == 404 and missing is not ...:
            return missing
        if error.resp.status in (401, 403):
            raise CredentialsError(
                f"{doing}: Google refuses ({error.resp.status}: {error.reason}).",
                "Give the service account the role that the reason names.",
            ) from None
        raise ResourceError(
            f"{doing}: {error.resp.status}: {error.reason}", "Put right what it names and repeat."
        ) from None


def _instance(body: dict[str, Any]) -> Instance:
    addresses = {one.get("type"): one.get("ipAddress", "") for one in body.get("ipAddresses", [])}
    return Instance(
        name=body["name"],
        region=body.get("region", ""),
        state=body.get("state", ""),
        # Google prefixes the project: `project:instance`.
        primary=body.get("masterInstanceName", "").rsplit(":", 1)[-1],
        replicas=tuple(body.get("replicaNames", [])),
        address=addresses.get("PRIVATE") or addresses.get("PRIMARY") or "",
        settings=body.get("settings", {}),
        version=body.get("databaseVersion", ""),
    )
