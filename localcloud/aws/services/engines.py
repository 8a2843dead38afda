"""EKS, RDS and ElastiCache with real servers: moto keeps the descriptions, the engines do the work."""

from __future__ import annotations

import base64
import json
import logging
import ssl
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dreamnet.errors import GameplanError
from localcloud.aws.services import Next
from localcloud.aws.wire import Answer, AwsError, Call
from localcloud.engines import Engines

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Background:
    """Work that goes on after the answer, as a cloud's does.

    Attributes:
        pool: where it runs.
        changed: called when it has ended.
    """

    pool: ThreadPoolExecutor
    changed: Callable[[], None]

    def run(self, work: Callable[[], None], failed: Callable[[], None]) -> None:
        """Start the work; `failed` marks the thing when an engine can't be brought there."""

        def guarded() -> None:
            try:
                work()
            except (GameplanError, OSError) as error:
                _LOG.error("engine: %s", error)
                failed()
            self.changed()

        self.pool.submit(guarded)


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
        )
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto check and describe it, then do it."""
        form = call.form()
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
        primary = self._database(source_region, source.rsplit(":", 1)[-1])
        names = {replica.db_instance_identifier, replica.db_instance_arn}
        primary.replicas = [name for name in primary.replicas if name not in names]

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
class Eks:
    """A Kubernetes API behind each cluster. Engines are named `eks-REGION-NAME`."""

    account_id: str
    engines: Engines
    background: Background
    token: str
    operations: frozenset[str] = frozenset(
        (
            "eks:CreateCluster",
            "eks:DeleteCluster",
            "eks:CreateNodegroup",
            "eks:UpdateNodegroupConfig",
            "eks:DeleteNodegroup",
        )
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto check and describe it, then do it."""
        if call.operation == "UpdateNodegroupConfig":
            return self._resize(call)
        answer = moto(call)
        if not _ok(answer):
            return answer
        parts = call.path.strip("/").split("/")
        if call.operation == "CreateCluster":
            self._create(call.region, call.json())
        elif call.operation == "DeleteCluster":
            self.engines.delete(self.engine_name(call.region, parts[1]))
        elif call.operation == "CreateNodegroup":
            self._nodes(call.region, parts[1], call.json()["nodegroupName"])
        elif call.operation == "DeleteNodegroup":
            self._send(call.region, parts[1], parts[3], {"count": 0})
        self.background.changed()
        return answer

    def engine_name(self, region: str, cluster: str) -> str:
        """The engine behind a cluster."""
        return f"eks-{region}-{cluster}"

    def _cluster(self, region: str, name: str) -> Any:
        from moto.eks.models import eks_backends

        cluster = eks_backends[self.account_id][region].clusters.get(name)
        if cluster is None:
            raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
        return cluster

    def _create(self, region: str, content: dict[str, Any]) -> None:
        cluster = self._cluster(region, content["name"])
        cluster.status = "CREATING"

        def run() -> None:
            endpoint = self.engines.kubernetes(
                self.engine_name(region, cluster.name), cloud="aws", region=region, version=cluster.version
            )
            cluster.endpoint = endpoint.server
            data = base64.b64encode(endpoint.ca_certificate_pem.encode()).decode()
            cluster.certificate_authority = {"data": data}
            cluster.status = "ACTIVE"

        def failed() -> None:
            cluster.status = "FAILED"

        self.background.run(run, failed)

    def _nodes(self, region: str, cluster_name: str, name: str) -> None:
        group = self._cluster(region, cluster_name).nodegroups[name]
        group.status = "CREATING"

        def run() -> None:
            self._apply(region, cluster_name, group)
            group.status = "ACTIVE"

        def failed() -> None:
            group.status = "CREATE_FAILED"

        self.background.run(run, failed)

    def _apply(self, region: str, cluster_name: str, group: Any) -> None:
        scaling = group.scaling_config
        content = {
            "count": scaling["desiredSize"],
            "machine_type": (group.instance_types or ["t3.medium"])[0],
            "labels": dict(group.labels or {}),
        }
        self._send(region, cluster_name, group.nodegroup_name, content)

    def _resize(self, call: Call) -> Answer:
        """moto has no UpdateNodegroupConfig: the scaling, for real."""
        _, cluster_name, _, name = call.path.strip("/").split("/")[:4]
        content = call.json()
        other = set(content) - {"scalingConfig", "clientRequestToken", "updateConfig"}
        if other:
            raise AwsError.not_in_rehearsal("eks", f"UpdateNodegroupConfig of {sorted(other)}")
        group = self._cluster(call.region, cluster_name).nodegroups.get(name)
        if group is None:
            raise AwsError("ResourceNotFoundException", f"No node group found for name: {name}.", 404)
        scaling = {**group.scaling_config, **content.get("scalingConfig", {})}
        if not scaling["minSize"] <= scaling["desiredSize"] <= scaling["maxSize"]:
            raise AwsError(
                "InvalidParameterException", "desired capacity must be between minSize and maxSize"
            )
        group.scaling_config = scaling
        self._apply(call.region, cluster_name, group)
        self.background.changed()
        params = [{"type": key[:1].upper() + key[1:], "value": str(value)} for key, value in scaling.items()]
        update = {
            "id": group.uuid,
            "status": "Successful",
            "type": "ConfigUpdate",
            "params": params,
            "errors": [],
        }
        return Answer.json({"update": update})

    def _send(self, region: str, cluster_name: str, group: str, content: dict[str, Any]) -> None:
        """Tell the cluster how many nodes a group has."""
        cluster = self._cluster_endpoint(region, cluster_name)
        if cluster is None:
            return
        server, certificate = cluster
        context = ssl.create_default_context(cadata=certificate)
        request = urllib.request.Request(
            f"{server}/_rehearsal/nodegroups/{group}",
            data=json.dumps(content).encode(),
            method="PUT",
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=context, timeout=20):
            return

    def _cluster_endpoint(self, region: str, cluster_name: str) -> tuple[str, str] | None:
        """Address and certificate while the engine runs; a cluster that is being deleted has none."""
        found = self.engines.get(self.engine_name(region, cluster_name))
        if found is None or found.status != "running":
            return None
        certificate = (self.engines.state.engines / found.name / "ca.crt").read_text()
        return f"https://{found.host}:{found.port}", certificate


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
        )
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Let moto check and describe it, then do it."""
        form = call.form()
        if call.operation == "DeleteCacheSubnetGroup":
            return self._delete_subnets(call, form["CacheSubnetGroupName"])
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

    def _delete_subnets(self, call: Call, name: str) -> Answer:
        """moto has no DeleteCacheSubnetGroup."""
        if self._backend(call.region).cache_subnet_groups.pop(name, None) is None:
            raise AwsError("CacheSubnetGroupNotFoundFault", f"Cache subnet group {name} not found.", 404)
        self.background.changed()
        body = b"<DeleteCacheSubnetGroupResponse><ResponseMetadata/></DeleteCacheSubnetGroupResponse>"
        return Answer(200, {"Content-Type": "text/xml"}, body)

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
