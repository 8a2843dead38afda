"""RDS and ElastiCache with real servers: moto keeps the descriptions, the engines do the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.aws.services import Next
from localcloud.aws.services.background import Background
from localcloud.aws.wire import Answer, AwsError, Call
from localcloud.engines import Engines

#: Parameters of ModifyReplicationGroup that moto keeps.
_GROUP_CHANGES = {
    "Action",
    "Version",
    "ReplicationGroupId",
    "ApplyImmediately",
    "ReplicationGroupDescription",
    "CacheNodeType",
    "SnapshotRetentionLimit",
    "AutomaticFailoverEnabled",
    "MultiAZEnabled",
}


def _ok(answer: Answer) -> bool:
    return answer.status < 300


@dataclass(frozen=True)
class Rds:
    """PostgreSQL behind RDS. Engines are named `rds-REGION-IDENTIFIER`."""

    account_id: str
    engines: Engines
    background: Background
    operations: frozenset[str] = frozenset(
        (
            "rds:CreateDBInstance",
            "rds:CreateDBInstanceReadReplica",
            "rds:DeleteDBInstance",
            "rds:StopDBInstance",
            "rds:StartDBInstance",
            "rds:RebootDBInstance",
            "rds:ModifyDBInstance",
            "rds:PromoteReadReplica",
            "rds:ModifyDBSubnetGroup",
        )
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto check and describe it, then do it."""
        form = call.form()
        if call.operation == "ModifyDBSubnetGroup":
            return self._modify_subnets(call, form["DBSubnetGroupName"], moto)
        name = form.get("DBInstanceIdentifier", "").lower()
        self._check(call, form)
        answer = moto(call)
        if not _ok(answer):
            return answer
        after = {
            "CreateDBInstance": self._create,
            "CreateDBInstanceReadReplica": self._replicate,
            "DeleteDBInstance": self._delete,
            "StopDBInstance": self._stop,
            "StartDBInstance": self._start,
            "RebootDBInstance": self._reboot,
            "ModifyDBInstance": self._modify,
            "PromoteReadReplica": self._promote,
        }[call.operation]
        after(call.region, name, form)
        self.background.changed()
        return answer

    def engine_name(self, region: str, identifier: str) -> str:
        """The engine behind an instance."""
        return f"rds-{region}-{identifier}"

    def _modify_subnets(self, call: Call, name: str, moto: Next) -> Answer:
        """moto loses the group that it changes."""
        from moto.rds.models import rds_backends

        groups = rds_backends[self.account_id][call.region].subnet_groups
        group = groups.get(name)
        answer = moto(call)
        if group is not None and name not in groups:
            groups[name] = group
        return answer

    def _check(self, call: Call, form: dict[str, str]) -> None:
        """What moto would take without a word."""
        if call.operation == "CreateDBInstance" and form.get("Engine") != "postgres":
            raise AwsError.not_in_rehearsal("rds", f"CreateDBInstance with engine {form.get('Engine')}")
        if call.operation == "PromoteReadReplica" and not self._instance(call, form).is_replica:
            raise AwsError("InvalidDBInstanceState", "DB Instance is not a read replica.")

    def _instance(self, call: Call, form: dict[str, str]) -> Any:
        return self._database(call.region, form.get("DBInstanceIdentifier", "").lower())

    def _database(self, region: str, name: str) -> Any:
        from moto.rds.models import rds_backends

        database = rds_backends[self.account_id][region].databases.get(name)
        if database is None:
            raise AwsError("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
        return database

    def _bring(self, region: str, name: str, status: str, work: Callable[[Any], None]) -> None:
        """Show a status while the work goes on, then `available`."""
        database = self._database(region, name)
        database.status = status

        def run() -> None:
            work(database)
            database.status = "available"

        def failed() -> None:
            database.status = "failed"

        self.background.run(run, failed)

    def _create(self, region: str, name: str, form: dict[str, str]) -> None:
        def work(database: Any) -> None:
            endpoint = self.engines.postgres(
                self.engine_name(region, name),
                region=region,
                user=form["MasterUsername"],
                password=form.get("MasterUserPassword", ""),
                database=form.get("DBName"),
            )
            database.rehearsal_address, database.port = endpoint.host, endpoint.port

        self._bring(region, name, "creating", work)

    def _replicate(self, region: str, name: str, form: dict[str, str]) -> None:
        source = form["SourceDBInstanceIdentifier"]
        source_region = source.split(":")[3] if source.startswith("arn:") else region
        primary = self.engines.postgres_endpoint(
            self.engine_name(source_region, source.rsplit(":", 1)[-1].lower())
        )

        replica = self._database(region, name)
        replica.rehearsal_address, replica.replicas = "", []  # moto copies the primary, these included

        def work(database: Any) -> None:
            endpoint = self.engines.postgres(
                self.engine_name(region, name),
                region=region,
                user=primary.user,
                password=primary.password,
                database=primary.database,
                replica_of=primary.name,
            )
            database.rehearsal_address, database.port = endpoint.host, endpoint.port

        self._bring(region, name, "creating", work)

    def _promote(self, region: str, name: str, form: dict[str, str]) -> None:
        database = self._database(region, name)
        source = getattr(database, "source_db_instance_identifier", None)

        def work(promoted: Any) -> None:
            self.engines.promote(self.engine_name(region, name))
            promoted.is_replica, promoted.source_db_instance_identifier = False, None

        if source:
            self._forget_replica(region, source, database)
        self._bring(region, name, "modifying", work)

    def _forget_replica(self, region: str, source: str, replica: Any) -> None:
        source_region = source.split(":")[3] if source.startswith("arn:") else region
        self._database(source_region, source.rsplit(":", 1)[-1]).remove_replica(replica)

    def _modify(self, region: str, name: str, form: dict[str, str]) -> None:
        password = form.get("MasterUserPassword")
        database = self._database(region, name)
        if not password:
            return

        def work(_: Any) -> None:
            self.engines.ensure_role(self.engine_name(region, name), database.master_username, password)

        self._bring(region, name, "modifying", work)

    def _reboot(self, region: str, name: str, form: dict[str, str]) -> None:
        if form.get("ForceFailover", "false") == "true":
            raise AwsError.not_in_rehearsal("rds", "RebootDBInstance with ForceFailover")

        def work(_: Any) -> None:
            self.engines.stop(self.engine_name(region, name))
            self.engines.start(self.engine_name(region, name))

        self._bring(region, name, "rebooting", work)

    def _start(self, region: str, name: str, form: dict[str, str]) -> None:
        self._bring(region, name, "starting", lambda _: self._started(region, name))

    def _started(self, region: str, name: str) -> None:
        self.engines.start(self.engine_name(region, name))

    def _stop(self, region: str, name: str, form: dict[str, str]) -> None:
        database = self._database(region, name)
        database.status = "stopping"

        def run() -> None:
            self.engines.stop(self.engine_name(region, name))
            database.status = "stopped"

        def failed() -> None:
            database.status = "failed"

        self.background.run(run, failed)

    def _delete(self, region: str, name: str, form: dict[str, str]) -> None:
        self.engines.delete(self.engine_name(region, name))


@dataclass(frozen=True)
class ElastiCache:
    """Valkey behind ElastiCache. Engines are named `cache-REGION-IDENTIFIER`."""

    account_id: str
    engines: Engines
    background: Background
    operations: frozenset[str] = frozenset(
        (
            "elasticache:CreateReplicationGroup",
            "elasticache:DeleteReplicationGroup",
            "elasticache:CreateCacheCluster",
            "elasticache:DeleteCacheCluster",
            "elasticache:DeleteCacheSubnetGroup",
            "elasticache:ModifyCacheSubnetGroup",
            "elasticache:ModifyReplicationGroup",
        )
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto check and describe it, then do it."""
        form = call.form()
        if call.operation.endswith("CacheSubnetGroup"):
            return self._subnets(call, form["CacheSubnetGroupName"], form)
        if call.operation == "ModifyReplicationGroup":
            self._check_change(call.region, form)
            return moto(call)
        if form.get("Engine") == "memcached":
            raise AwsError.not_in_rehearsal("elasticache", f"{call.operation} with memcached")
        answer = moto(call)
        if not _ok(answer):
            return answer
        name = form.get("ReplicationGroupId") or form["CacheClusterId"]
        engine = f"cache-{call.region}-{name.lower()}"
        if call.operation == "CreateReplicationGroup":
            self._start_group(call.region, name, engine)
        elif call.operation == "CreateCacheCluster":
            self._start_cluster(call.region, name, engine)
        else:
            self.engines.delete(engine)
            self._forget(call.region, name)
        self.background.changed()
        return answer

    def _backend(self, region: str) -> Any:
        from moto.elasticache.models import elasticache_backends

        return elasticache_backends[self.account_id][region]

    def _check_change(self, region: str, form: dict[str, str]) -> None:
        """moto takes any change of a group without a word; here only those that it shows."""
        group = self._backend(region).replication_groups.get(form["ReplicationGroupId"])
        other = form.keys() - _GROUP_CHANGES
        if group is not None and form.get("EngineVersion") == group.engine_version:
            other -= {"EngineVersion"}
        if other:
            raise AwsError.not_in_rehearsal("elasticache", f"ModifyReplicationGroup of {sorted(other)}")
        if "true" in (form.get("AutomaticFailoverEnabled"), form.get("MultiAZEnabled")):
            raise AwsError.not_in_rehearsal("elasticache", "ModifyReplicationGroup to several nodes")

    def _subnets(self, call: Call, name: str, form: dict[str, str]) -> Answer:
        """moto has neither DeleteCacheSubnetGroup nor ModifyCacheSubnetGroup."""
        groups = self._backend(call.region).cache_subnet_groups
        if name not in groups:
            raise AwsError("CacheSubnetGroupNotFoundFault", f"Cache subnet group {name} not found.", 404)
        if call.operation == "DeleteCacheSubnetGroup":
            self._check_unused(call.region, name)
            del groups[name]
        else:
            subnets = [value for key, value in form.items() if key.startswith("SubnetIds.")]
            groups[name] = type(groups[name])(
                self.account_id,
                call.region,
                name,
                form.get("CacheSubnetGroupDescription", groups[name].cache_subnet_group_description),
                subnets or groups[name].subnet_ids,
                groups[name].tags,
            )
        self.background.changed()
        result = f"<{call.operation}Result/>" if call.operation.startswith("Modify") else ""
        body = f"<{call.operation}Response>{result}<ResponseMetadata/></{call.operation}Response>"
        return Answer(200, {"Content-Type": "text/xml"}, body.encode())

    def _check_unused(self, region: str, name: str) -> None:
        for group in self._backend(region).replication_groups.values():
            if getattr(group, "cache_subnet_group_name", None) == name:
                message = f"Cache subnet group {name} is currently in use by a cache cluster."
                raise AwsError("CacheSubnetGroupInUse", message)

    def _start_group(self, region: str, name: str, engine: str) -> None:
        group = self._backend(region).replication_groups[name]
        group.status = "creating"

        def run() -> None:
            found = self.engines.valkey(engine, region=region)
            address = {"address": found.host, "port": found.port}
            for node in group.node_groups:
                node["primary_endpoint"] = node["reader_endpoint"] = address
            group.port = found.port
            group.status = "available"

        def failed() -> None:
            group.status = "create-failed"

        self.background.run(run, failed)

    def _start_cluster(self, region: str, name: str, engine: str) -> None:
        cluster = self._backend(region).cache_clusters[name]
        cluster.cache_cluster_status = "creating"

        def run() -> None:
            found = self.engines.valkey(engine, region=region)
            endpoint = {"address": found.host, "port": found.port}
            node = {"cache_node_id": "0001", "cache_node_status": "available", "endpoint": endpoint}
            cluster.cache_nodes, cluster.port = [node], found.port
            cluster.cache_cluster_status = "available"

        def failed() -> None:
            cluster.cache_cluster_status = "incompatible-network"

        self.background.run(run, failed)

    def _forget(self, region: str, name: str) -> None:
        """moto leaves what it deletes `deleting` for ever; the engine has gone already."""
        backend = self._backend(region)
        backend.replication_groups.pop(name, None)
        backend.cache_clusters.pop(name, None)
