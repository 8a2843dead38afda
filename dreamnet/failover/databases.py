"""The regions' databases on Cloud SQL, as a drill needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from dreamnet.errors import GameplanError
from dreamnet.failover.cloudsql import CloudSql
from dreamnet.postgres.database import Database


class CloudSqlRegions:
    """One Cloud SQL instance a region.

    Args:
        instances: instance name by region.
        login: role, password, database and TLS settings; the host is taken from the instance.
        redirect: called with (region, its database) when a rebuilt instance has its address, to put it
        where the
            region's backend reads it.
    """

    def __init__(
        self,
        cloudsql: CloudSql,
        instances: Mapping[str, str],
        login: Database,
        redirect: Callable[[str, Database], None],
    ) -> None:
        self._cloudsql, self._instances = cloudsql, dict(instances)
        self._login, self._redirect = login, redirect

    def promote(self, region: str) -> None:
        """Make the region's replica take writes."""
        self._cloudsql.promote(self._instances[region])

    def rebuild(self, region: str, primary: str) -> None:
        """Replace the region's instance by a replica of the primary region's."""
        self._cloudsql.rebuild(self._instances[region], self._instances[primary])
        self._redirect(region, self.database(region))

    def caught_up(self, region: str, primary: str) -> bool:
        """Whether the replica has replayed what the primary has written until now; False while it starts."""
        try:
            with self.database(primary).connect("dreamnet:drill") as connection:
                written = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
            with self.database(region).connect("dreamnet:drill") as connection:
                row = connection.execute(
                    "SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn", written
                ).fetchone()
        except GameplanError:
            return False
        return bool(row and row[0])

    def database(self, region: str) -> Database:
        """How to reach the region's database now."""
        return replace(self._login, host=self._cloudsql.require(self._instances[region]).address)
