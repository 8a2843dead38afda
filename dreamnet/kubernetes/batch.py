"""Manifests made ready for clusters: validated once, in the order in which they need each other, and what of
them a cluster itself must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dreamnet.errors import ConfigurationError
from dreamnet.kubernetes import custom, schema
from dreamnet.kubernetes.cluster import Cluster, Forbidden, Kind, NotFound
from dreamnet.kubernetes.manifests import title, validate
from dreamnet.resources.model import Problem

Manifest = Mapping[str, Any]
#: `apiVersion` and kind.
Named = tuple[str, str]

CRD = "CustomResourceDefinition"
_DEFINITIONS = Kind("apiextensions.k8s.io/v1", CRD, "customresourcedefinitions", False)

#: Kinds in the order in which they need each other; what is not named comes before the last two.
_ORDER = (
    (CRD,),
    ("Namespace",),
    ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "PriorityClass"),
    ("ResourceQuota", "LimitRange", "StorageClass", "GatewayClass", "EC2NodeClass", "SecretStore"),
    ("ConfigMap", "Secret", "PersistentVolumeClaim", "ExternalSecret", "NodePool"),
    ("NetworkPolicy", "Service", "Gateway"),
    ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"),
)
_LAST = ("PodDisruptionBudget", "HorizontalPodAutoscaler")
_RANKS = {kind: rank for rank, kinds in enumerate(_ORDER) for kind in kinds} | {
    kind: len(_ORDER) + 1 for kind in _LAST
}

#: What brings a group's kinds to a cluster.
BRINGS = {
    "gateway.networking.k8s.io": "the Gateway API (GKE: gatewayApiConfig.channel CHANNEL_STANDARD)",
    "networking.gke.io": "GKE's Gateway controller (gatewayApiConfig.channel CHANNEL_STANDARD)",
    "gateway.k8s.aws": "the AWS Load Balancer Controller",
    "autoscaling.k8s.io": "the Vertical Pod Autoscaler (GKE: verticalPodAutoscaling.enabled)",
    "external-secrets.io": "the External Secrets Operator",
    "security.istio.io": "Istio",
    "karpenter.sh": "Karpenter",
    "karpenter.k8s.aws": "Karpenter",
    "monitoring.googleapis.com": "Managed Service for Prometheus (GKE: managedPrometheusConfig.enabled)",
    "monitoring.coreos.com": "the Prometheus operator",
}


@dataclass(frozen=True)
class Batch:
    """Manifests that passed what can be checked without a cluster.

    Attributes:
        manifests: in the order in which they need each other.
        defined: kinds that definitions among the manifests bring.
        foreign: kinds that neither Kubernetes nor the manifests define, with the manifests of each.
    """

    manifests: tuple[Manifest, ...]
    defined: frozenset[Named]
    foreign: Mapping[Named, tuple[Manifest, ...]]


def prepare(manifests: Sequence[Manifest]) -> Batch:
    """Validate manifests and put them in order: once, for however many clusters.

    Raises:
        ConfigurationError: a manifest is invalid by Kubernetes' definitions, or by one among the manifests.
    """
    known = schema.definitions()
    defined = {
        (api_version, kind): node
        for item in manifests
        if item.get("kind") == CRD and not known.errors(item)
        for api_version, kind, node in custom.kinds_of(item)
    }
    foreign: dict[Named, list[Manifest]] = {}
    builtin: list[Manifest] = []
    own: dict[Named, list[Manifest]] = {}
    for item in manifests:
        named = named_kind(item)
        if named in defined:
            own.setdefault(named, []).append(item)
        elif named[0].rpartition("/")[0] in known.groups:
            builtin.append(item)
        else:
            foreign.setdefault(named, []).append(item)
    problems = validate(builtin)
    for named, items in own.items():
        problems += _custom_problems(defined[named], items)
    _refuse(problems)
    return Batch(
        tuple(sorted(manifests, key=_rank)),
        frozenset(defined),
        {named: tuple(items) for named, items in foreign.items()},
    )


def check_foreign(cluster: Cluster, batch: Batch) -> None:
    """Hold the kinds that a cluster must know against the definitions installed there.

    Where we may not read definitions, the API server alone checks (strict field validation).

    Raises:
        ConfigurationError: a manifest is invalid, or the cluster knows no such kind.
    """
    problems: list[Problem] = []
    missing: list[Manifest] = []
    for (api_version, name), items in batch.foreign.items():
        try:
            kind = cluster.kind(api_version, name)
        except NotFound:
            missing += items
            continue
        with suppress(Forbidden):
            group = api_version.rpartition("/")[0]
            definition = cluster.find(_DEFINITIONS.path(None, f"{kind.plural}.{group}"))
            for version, _, node in custom.kinds_of(definition) if definition else ():
                if version == api_version:
                    problems += _custom_problems(node, items)
    if missing:
        groups = dict.fromkeys(named_kind(item)[0].rpartition("/")[0] for item in missing)
        listed = ", ".join(f"{title(item)} ({item['apiVersion']})" for item in missing)
        raise ConfigurationError(
            f"Cluster {cluster} does not know the kinds of {listed}; nothing was applied there.",
            f"Install {'; '.join(dict.fromkeys(BRINGS.get(g, f'what defines {g}') for g in groups))}.",
        )
    _refuse(problems)


def named_kind(manifest: Manifest) -> Named:
    """`apiVersion` and kind of a manifest."""
    return str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))


def _custom_problems(node: dict[str, Any], items: Sequence[Manifest]) -> list[Problem]:
    return [
        Problem(title(item), path, message)
        for item, path, message in schema.definitions().custom_errors(node, items)
    ]


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ConfigurationError(
            f"Invalid manifests: {'; '.join(str(problem) for problem in problems)}.",
            "Correct the files under infrastructure/kubernetes.",
        )


def _rank(manifest: Manifest) -> int:
    return _RANKS.get(manifest["kind"], len(_ORDER))
