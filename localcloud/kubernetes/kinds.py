"""The kinds this server has: names, scope, verbs and subresources, as discovery prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Kind:
    """One resource type.

    Attributes:
        subresources: of ``status``, ``scale``, ``log``, ``eviction``, ``approval``.
        verbs: a virtual kind (metrics, reviews) has only some.
        columns: what a custom kind prints: name, JSON path, type and priority of each column.
        replicas: JSON paths of a custom kind's scale: wanted and counted replicas, selector.
        storage: group and version in which objects are kept, where that is another one.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    singular: str = ""
    columns: tuple[tuple[str, str, str, int], ...] = ()
    replicas: tuple[str, str, str] = (".spec.replicas", ".status.replicas", "")
    storage: tuple[str, str] | None = None

    @property
    def resource(self) -> str:
        """``deployments.apps``: the key in storage and the name in messages."""
        group = self.storage[0] if self.storage else self.group
        return f"{self.plural}.{group}" if group else self.plural

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` of the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


def _core() -> list[Kind]:
    def kind(name: str, plural: str, namespaced: bool = True, **more: Any) -> Kind:
        return Kind("", "v1", name, plural, namespaced, **more)

    every, status = ("all",), ("status",)
    return [
        kind("ConfigMap", "configmaps", short=("cm",)),
        kind("Endpoints", "endpoints", short=("ep",)),
        kind("Event", "events", short=("ev",)),
        kind("LimitRange", "limitranges", short=("limits",)),
        kind("Namespace", "namespaces", False, short=("ns",), subresources=status),
        kind("Node", "nodes", False, short=("no",), subresources=status),
        kind("PersistentVolumeClaim", "persistentvolumeclaims", short=("pvc",), subresources=status),
        kind("PersistentVolume", "persistentvolumes", False, short=("pv",), subresources=status),
        kind("Pod", "pods", short=("po",), categories=every, subresources=("status", "log", "eviction")),
        kind(
            "ReplicationController",
            "replicationcontrollers",
            short=("rc",),
            categories=every,
            subresources=("status", "scale"),
        ),
        kind("ResourceQuota", "resourcequotas", short=("quota",), subresources=status),
        kind("Secret", "secrets"),
        kind("ServiceAccount", "serviceaccounts", short=("sa",), subresources=("token",)),
        kind("Service", "services", short=("svc",), categories=every, subresources=status),
    ]


def _workloads() -> list[Kind]:
    every, both = ("all",), ("status", "scale")
    scaler = ("HorizontalPodAutoscaler", "horizontalpodautoscalers", True, ("hpa",), ("status",), every)
    return [
        Kind("apps", "v1", "ControllerRevision", "controllerrevisions"),
        Kind("apps", "v1", "DaemonSet", "daemonsets", True, ("ds",), ("status",), every),
        Kind("apps", "v1", "Deployment", "deployments", True, ("deploy",), both, every),
        Kind("apps", "v1", "ReplicaSet", "replicasets", True, ("rs",), both, every),
        Kind("apps", "v1", "StatefulSet", "statefulsets", True, ("sts",), both, every),
        Kind("batch", "v1", "CronJob", "cronjobs", True, ("cj",), ("status",), every),
        Kind("batch", "v1", "Job", "jobs", True, (), ("status",), every),
        Kind("autoscaling", "v2", *scaler),
        Kind("autoscaling", "v1", *scaler, storage=("autoscaling", "v2")),
        Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, ("pdb",), ("status",)),
    ]


def _reviews() -> list[Kind]:
    """Questions about callers; they are answered and not kept."""
    authentication, authorization, once = "authentication.k8s.io", "authorization.k8s.io", ("create",)
    return [
        Kind(authentication, "v1", "SelfSubjectReview", "selfsubjectreviews", False, verbs=once),
        Kind(authentication, "v1", "TokenReview", "tokenreviews", False, verbs=once),
        Kind(authorization, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=once),
        Kind(authorization, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", False, verbs=once),
        Kind(authorization, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", False, verbs=once),
        Kind(authorization, "v1", "SubjectAccessReview", "subjectaccessreviews", False, verbs=once),
    ]


def _others() -> list[Kind]:
    rbac, net = "rbac.authorization.k8s.io", "networking.k8s.io"
    return [
        Kind(net, "v1", "IngressClass", "ingressclasses", False),
        Kind(net, "v1", "Ingress", "ingresses", True, ("ing",), ("status",)),
        Kind(net, "v1", "NetworkPolicy", "networkpolicies", True, ("netpol",)),
        Kind(
            "certificates.k8s.io",
            "v1",
            "CertificateSigningRequest",
            "certificatesigningrequests",
            False,
            ("csr",),
            ("status", "approval"),
        ),
        Kind("coordination.k8s.io", "v1", "Lease", "leases"),
        Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
        Kind("events.k8s.io", "v1", "Event", "events", short=("ev",), storage=("", "v1")),
        Kind(rbac, "v1", "ClusterRoleBinding", "clusterrolebindings", False),
        Kind(rbac, "v1", "ClusterRole", "clusterroles", False),
        Kind(rbac, "v1", "RoleBinding", "rolebindings"),
        Kind(rbac, "v1", "Role", "roles"),
        Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", False, ("pc",)),
        Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", False, ("sc",)),
        Kind(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            False,
            ("crd", "crds"),
            ("status",),
            ("api-extensions",),
        ),
        *_reviews(),
        Kind("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes", False, verbs=("get", "list")),
        Kind("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", True, verbs=("get", "list")),
    ]


class Kinds:
    """The registry: built-in kinds, and those that CustomResourceDefinitions add and take away."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], Kind] = {}
        self.custom: set[tuple[str, str, str]] = set()
        for kind in (*_core(), *_workloads(), *_others()):
            self._kinds[kind.group, kind.version, kind.plural] = kind

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served under a path."""
        return self._kinds.get((group, version, plural))

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind an object names in ``apiVersion`` and ``kind``."""
        return next(
            (k for k in self._kinds.values() if k.kind == kind and k.api_version == api_version), None
        )

    def storage_of(self, kind: Kind) -> Kind:
        """The kind in the version that its objects are kept in."""
        return kind if kind.storage is None else self._kinds[*kind.storage, kind.plural]

    def by_resource(self, resource: str) -> Kind | None:
        """The kind stored under ``deployments.apps``."""
        found = (k for k in self._kinds.values() if k.resource == resource and k.storage is None)
        return next(found, None)

    def all(self) -> list[Kind]:
        """Every kind, in the order discovery lists them."""
        return list(self._kinds.values())

    def stored(self) -> list[Kind]:
        """Kinds whose objects are kept, one of each resource."""
        return [k for k in self._kinds.values() if "watch" in k.verbs and k.storage is None]

    def add_custom(self, kind: Kind) -> None:
        """Serve a custom kind."""
        key = (kind.group, kind.version, kind.plural)
        self._kinds[key] = kind
        self.custom.add(key)

    def replace_group(self, group: str, kinds: list[Kind]) -> None:
        """Serve these kinds of a group that lists what there is now."""
        for key in [k for k in self._kinds if k[0] == group]:
            del self._kinds[key]
        for kind in kinds:
            self._kinds[kind.group, kind.version, kind.plural] = kind

    def remove_custom(self, group: str, plural: str) -> None:
        """Stop serving every version of a custom kind."""
        for key in [k for k in self.custom if (k[0], k[2]) == (group, plural)]:
            self.custom.discard(key)
            del self._kinds[key]
