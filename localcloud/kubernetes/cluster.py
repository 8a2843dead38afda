"""One cluster: storage, verbs, controllers, kubelets and what it holds from the start."""

from __future__ import annotations

import asyncio

from localcloud.kubernetes.adapters.api import MetricsApis
from localcloud.kubernetes.adapters.base import Adapter
from localcloud.kubernetes.adapters.prometheus import PrometheusAdapter
from localcloud.kubernetes.adapters.scraping import Scraper
from localcloud.kubernetes.adapters.stackdriver import StackdriverAdapter
from localcloud.kubernetes.auth import Authenticator, Keys
from localcloud.kubernetes.certificates import Identity
from localcloud.kubernetes.claim_rules import DEFAULT
from localcloud.kubernetes.config import ClusterOptions
from localcloud.kubernetes.controllers.autoscaler import Autoscaler
from localcloud.kubernetes.controllers.budgets import Budgets
from localcloud.kubernetes.controllers.cronjobs import CronJobs
from localcloud.kubernetes.controllers.daemonsets import DaemonSets
from localcloud.kubernetes.controllers.deployments import Deployments
from localcloud.kubernetes.controllers.garbage import CustomKinds, Garbage, Namespaces
from localcloud.kubernetes.controllers.jobs import Jobs
from localcloud.kubernetes.controllers.node_autoscaler import NodeAutoscaler
from localcloud.kubernetes.controllers.nodes import Evictions, NodeHealth
from localcloud.kubernetes.controllers.quotas import QuotaStatus
from localcloud.kubernetes.controllers.replicasets import ReplicaSets
from localcloud.kubernetes.controllers.runtime import MANAGER, Recorder, Runtime
from localcloud.kubernetes.controllers.scheduler import Scheduler
from localcloud.kubernetes.controllers.services import Services
from localcloud.kubernetes.controllers.statefulsets import StatefulSets
from localcloud.kubernetes.controllers.volumes import Volumes
from localcloud.kubernetes.faults import Faults
from localcloud.kubernetes.gateway import definitions
from localcloud.kubernetes.gateway.controller import Gateways
from localcloud.kubernetes.kinds import Kinds
from localcloud.kubernetes.kubelet.kubelet import Kubelet
from localcloud.kubernetes.metrics import Metrics
from localcloud.kubernetes.nodegroups import LostNodes, NodeGroups
from localcloud.kubernetes.priorities import BUILT_IN
from localcloud.kubernetes.rbac import GROUP, Authorizer, default_bindings, default_roles
from localcloud.kubernetes.schema import Schemas
from localcloud.kubernetes.signing import SigningKey
from localcloud.kubernetes.storage import Object, Store
from localcloud.kubernetes.users import AccountTokens
from localcloud.kubernetes.verbs import Verbs
from localcloud.state import State

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Cluster:
    """Everything behind the HTTP server."""

    def __init__(self, options: ClusterOptions, identity: Identity) -> None:
        self.options, self._identity = options, identity
        self.kinds, self.schemas = Kinds(), Schemas(options.minor)
        self.store = Store(options.directory / "objects.sqlite")
        self.verbs = Verbs(self.store, self.kinds, self.schemas)
        self.accounts = AccountTokens(self.store, SigningKey(options.directory / "sa.key"))
        self.authenticator = Authenticator(self._keys(), self.accounts)
        self.authorizer = Authorizer(self.store)
        self._runtime = Runtime(self.store)
        recorder = Recorder(self.verbs)
        self.faults = Faults(self.store)
        self.kubelet = Kubelet(self.verbs, recorder, options, self.faults)
        self.metrics = Metrics(self.store, self.kubelet, options.hpa_sync_seconds)
        self.scraper = Scraper(self.kubelet, options.hpa_sync_seconds)
        self.measured = self._adapted()
        self.node_groups = NodeGroups(self.verbs, options)
        verbs = self.verbs
        self._gateways = Gateways(verbs, options, self._runtime)
        self._runtime.add(
            CustomKinds(verbs),
            Namespaces(verbs, identity.ca_certificate),
            Garbage(verbs),
            LostNodes(verbs),
            NodeHealth(verbs, recorder, self.faults),
            Evictions(verbs, recorder),
            Services(verbs),
            self._gateways,
            Deployments(verbs, recorder),
            ReplicaSets(verbs, recorder),
            ReplicaSets(verbs, recorder, "ReplicationController"),
            StatefulSets(verbs, recorder),
            DaemonSets(verbs, recorder),
            Jobs(verbs, recorder),
            CronJobs(verbs, recorder),
            Budgets(verbs),
            QuotaStatus(verbs),
            Volumes(verbs, recorder, self.options.directory / "volumes"),
            Scheduler(verbs, recorder),
            NodeAutoscaler(verbs, recorder, self.node_groups, options.node_unneeded_seconds),
            Autoscaler(
                verbs,
                recorder,
                self.metrics,
                self.measured,
                options.hpa_sync_seconds,
                self._runtime.enqueue,
            ),
        )

    def _adapted(self) -> MetricsApis:
        """Custom and external metrics, by the adapter of this cluster's cloud."""
        state = State(self.options.state)
        adapter: Adapter = StackdriverAdapter(state)
        if self.options.cloud == "aws":
            adapter = PrometheusAdapter(self.store, state, self.options.region)
        return MetricsApis(self.store, self.kinds, self.scraper, adapter)

    def _keys(self) -> Keys:
        issued = State(self.options.state).credentials()
        return Keys(
            # A token names the cluster as EKS does; the server's own name tells regions apart too.
            cluster=self.options.name.removeprefix(f"eks-{self.options.region}-"),
            cloud=self.options.cloud,
            admin_token=self._identity.admin_token,
            google_token=issued.google_access_token,
            google_email=issued.google_email,
            aws_account_id=issued.aws_account_id,
            aws_access_key_id=issued.aws_access_key_id,
            aws_secret=issued.aws_secret_access_key,
        )

    def start(self) -> None:
        """Furnish a new cluster, then run controllers and kubelets."""
        self._furnish()
        self._furnish_roles()
        if self.options.gateway_api:
            definitions.install(self.verbs, self.options.cloud)
        self.node_groups.start()
        self._runtime.start()
        self.kubelet.start()
        self.metrics.start()
        self.scraper.start()

    def _furnish(self) -> None:
        namespaces = self.kinds.find("", "v1", "namespaces")
        services = self.kinds.find("", "v1", "services")
        assert namespaces is not None
        assert services is not None
        for name in NAMESPACES:
            if self.store.get("namespaces", "", name) is None:
                self.verbs.create(namespaces, "", {"metadata": {"name": name}}, MANAGER)
        if self.store.get("services", "default", "kubernetes") is None:
            ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": self.options.port}]
            spec = {"clusterIP": "10.96.0.1", "type": "ClusterIP", "ports": ports}
            self.verbs.create(
                services, "default", {"metadata": {"name": "kubernetes"}, "spec": spec}, MANAGER
            )
        self._furnish_classes()

    def _furnish_classes(self) -> None:
        """The default StorageClass as the cloud makes it, and the priorities of the system's own Pods."""
        storage = self.kinds.find("storage.k8s.io", "v1", "storageclasses")
        priorities = self.kinds.find("scheduling.k8s.io", "v1", "priorityclasses")
        assert storage is not None
        assert priorities is not None
        google = self.options.cloud == "google"
        name, provisioner = (
            ("standard-rwo", "pd.csi.storage.gke.io") if google else ("gp2", "kubernetes.io/aws-ebs")
        )
        if not self.store.list(storage.resource):
            annotations = {DEFAULT: "true"}
            body: Object = {
                "metadata": {"name": name, "annotations": annotations},
                "provisioner": provisioner,
            }
            body |= {"volumeBindingMode": "WaitForFirstConsumer"}
            # EKS's gp2 class does not have it.
            body |= {"allowVolumeExpansion": True} if google else {}
            self.verbs.create(storage, "", body, MANAGER)
        for name, value in BUILT_IN.items():
            if self.store.get(priorities.resource, "", name) is None:
                body = {
                    "metadata": {"name": name},
                    "value": value,
                    "description": "Used for system critical pods.",
                }
                self.verbs.create(priorities, "", body, MANAGER)

    def _furnish_roles(self) -> None:
        """What a new cluster lets callers do; what someone changed since is left."""
        for plural, bodies in (
            ("clusterroles", default_roles(self.kinds)),
            ("clusterrolebindings", default_bindings()),
        ):
            kind = self.kinds.find(GROUP, "v1", plural)
            assert kind is not None
            for body in bodies:
                if self.store.get(kind.resource, "", body["metadata"]["name"]) is None:
                    self.verbs.create(kind, "", body, MANAGER)

    async def stop(self) -> None:
        """End watches and controllers, and stop the nodes' processes."""
        self.store.end_watches()
        await self._runtime.stop()
        self.metrics.stop()
        self.scraper.stop()
        await asyncio.gather(self._gateways.stop(), self.kubelet.stop())

    def close(self) -> None:
        """Close the store, once no request can come any more."""
        self.store.close()
