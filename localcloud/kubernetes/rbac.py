"""Role-based access control: what bindings let a caller do, and the sentence that refuses the rest.

The rules of kubernetes.io/docs/reference/access-authn-authz/rbac (read November 2026).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from localcloud.kubernetes import errors
from localcloud.kubernetes.kinds import Kinds
from localcloud.kubernetes.selectors import matches_selector
from localcloud.kubernetes.storage import Object, Store
from localcloud.kubernetes.users import ACCOUNT, MASTERS, User

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = f"roles.{GROUP}", f"clusterroles.{GROUP}"
BINDINGS, CLUSTER_BINDINGS = f"rolebindings.{GROUP}", f"clusterrolebindings.{GROUP}"


@dataclass(frozen=True)
class Access:
    """What a caller wants: a verb on a resource, or on a path that is none.

    Attributes:
        namespace: empty for cluster scope, and for all namespaces.
        name: empty for a collection.
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def covers(rule: Object, access: Access) -> bool:
    """Whether one rule allows it."""
    verbs = rule.get("verbs", ())
    if "*" not in verbs and access.verb not in verbs:
        return False
    if access.path:
        return any(
            p in ("*", access.path) or (p.endswith("*") and access.path.startswith(p[:-1]))
            for p in rule.get("nonResourceURLs", ())
        )
    groups, resources = rule.get("apiGroups", ()), rule.get("resources", ())
    if "*" not in groups and access.group not in groups:
        return False
    wanted = {"*", access.full_resource} | ({f"*/{access.subresource}"} if access.subresource else set())
    if wanted.isdisjoint(resources):
        return False
    names = rule.get("resourceNames")
    return not names or access.name in names


class Authorizer:
    """Answers from the bindings and roles in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @staticmethod
    def _names(subject: Object, user: User, namespace: str) -> bool:
        if subject["kind"] == "Group":
            return subject["name"] in user.groups
        if subject["kind"] == "ServiceAccount":
            return user.name == f"{ACCOUNT}{subject.get('namespace', namespace)}:{subject['name']}"
        return bool(subject["name"] == user.name)

    def _rules(self, reference: Object, namespace: str) -> list[Object]:
        """The rules of a binding's role; an aggregated one has those of the roles it selects."""
        if reference["kind"] == "Role":
            role = self._store.get(ROLES, namespace, reference["name"])
        else:
            role = self._store.get(CLUSTER_ROLES, "", reference["name"])
        if role is None:
            return []
        rules = list(role.get("rules") or ())
        for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors", ()):
            for other in self._store.list(CLUSTER_ROLES):
                if matches_selector(selector, other["metadata"].get("labels") or {}):
                    rules += other.get("rules") or ()
        return rules

    def granted(self, user: User, namespace: str) -> Iterator[tuple[Object, str]]:
        """Rules that hold for the user in a namespace, each with why."""
        bindings = [(b, "") for b in self._store.list(CLUSTER_BINDINGS)]
        if namespace:
            bindings += [(b, namespace) for b in self._store.list(BINDINGS, namespace)]
        for binding, within in bindings:
            subject = next((s for s in binding.get("subjects") or () if self._names(s, user, within)), None)
            if subject is None:
                continue
            reference, name = binding["roleRef"], binding["metadata"]["name"]
            kind, where = (
                ("RoleBinding", f'"{name}/{within}"') if within else ("ClusterRoleBinding", f'"{name}"')
            )
            whom = f'{subject["kind"]} "{subject["name"]}"'
            if subject["kind"] == "ServiceAccount":
                whom = f'ServiceAccount "{subject["name"]}/{subject.get("namespace", within)}"'
            why = f'RBAC: allowed by {kind} {where} of {reference["kind"]} "{reference["name"]}" to {whom}'
            for rule in self._rules(reference, within):
                yield rule, why

    def reason(self, user: User, access: Access) -> str | None:
        """Why the user may; None where not."""
        if MASTERS in user.groups:
            return f"the caller is in the group {MASTERS}"
        return next((why for rule, why in self.granted(user, access.namespace) if covers(rule, access)), None)

    def require(self, user: User, access: Access) -> None:
        """403, in Kubernetes' own words, unless the user may."""
        if self.reason(user, access) is None:
            raise forbidden(user, access)

    def may_grant(self, user: User, rules: list[Object], namespace: str) -> bool:
        """Whether the user holds all that ``rules`` would give: nobody grants more than they have."""
        if MASTERS in user.groups:
            return True
        held = [rule for rule, _ in self.granted(user, namespace)]
        return all(any(covers(rule, one) for rule in held) for one in _single(rules, namespace))

    def check_write(self, user: User, resource: str, namespace: str, body: Any) -> None:
        """403 on a role or binding that would give more than the caller has.

        As in Kubernetes, the verbs ``escalate`` on roles and ``bind`` on the role bound are exceptions.
        """
        if not isinstance(body, dict) or resource not in (ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS):
            return
        plural, name = resource.partition(".")[0], (body.get("metadata") or {}).get("name", "")
        if resource in (ROLES, CLUSTER_ROLES):
            rules, exempt = (
                list(body.get("rules") or ()),
                Access("escalate", GROUP, plural, "", namespace, name),
            )
        else:
            reference = body.get("roleRef") or {}
            if not {"kind", "name"} <= reference.keys():
                return
            rules = self._rules(reference, namespace)
            bound = "roles" if reference["kind"] == "Role" else "clusterroles"
            exempt = Access("bind", GROUP, bound, "", namespace, reference["name"])
        if not self.may_grant(user, rules, namespace) and self.reason(user, exempt) is None:
            groups = " ".join(f'"{g}"' for g in user.groups)
            text = (
                f'{resource} "{name}" is forbidden: user "{user.name}" (groups=[{groups}]) is attempting to '
                "grant RBAC permissions not currently held"
            )
            details = {"name": name, "group": GROUP, "kind": plural}
            raise errors.ApiError(403, "Forbidden", text, details)

    def review_rules(self, user: User, namespace: str) -> Object:
        """The status of a SelfSubjectRulesReview."""
        everything: Object = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        if MASTERS in user.groups:
            paths: Object = {"verbs": ["*"], "nonResourceURLs": ["*"]}
            return {"resourceRules": [everything], "nonResourceRules": [paths], "incomplete": False}
        rules = [rule for rule, _ in self.granted(user, namespace)]
        return {
            "resourceRules": [r for r in rules if r.get("resources")],
            "nonResourceRules": [r for r in rules if r.get("nonResourceURLs")],
            "incomplete": False,
        }


def _single(rules: list[Object], namespace: str) -> Iterator[Access]:
    """Each permission of ``rules`` by itself; a wildcard is only covered by a wildcard."""
    for rule in rules:
        for verb in rule.get("verbs", ()):
            for path in rule.get("nonResourceURLs", ()):
                yield Access(verb, path=path)
            for group in rule.get("apiGroups", ()):
                for full in rule.get("resources", ()):
                    resource, _, sub = full.partition("/")
                    for name in rule.get("resourceNames") or [""]:
                        yield Access(verb, group, resource, sub, namespace, name)


def forbidden(user: User, access: Access) -> errors.ApiError:
    """403: ``pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" ...``."""
    if access.path:
        text = f'forbidden: User "{user.name}" cannot {access.verb} path "{access.path}"'
        return errors.ApiError(403, "Forbidden", text, {})
    resource = f"{access.resource}.{access.group}" if access.group else access.resource
    where = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
    which = f'{resource} "{access.name}"' if access.name else resource
    text = (
        f'{which} is forbidden: User "{user.name}" cannot {access.verb} resource "{access.full_resource}" '
        f'in API group "{access.group}" {where}'
    )
    details: Object = {"name": access.name} if access.name else {}
    details |= {"group": access.group} if access.group else {}
    return errors.ApiError(403, "Forbidden", text, details | {"kind": access.resource})


# Roles that a cluster has from the start

_READ, _WRITE = ["get", "list", "watch"], ["create", "delete", "deletecollection", "patch", "update"]
_FACING = {
    "": [
        "configmaps",
        "endpoints",
        "persistentvolumeclaims",
        "pods",
        "services",
        "serviceaccounts",
    ],
    "apps": [
        *("daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale"),
        *("statefulsets", "statefulsets/scale"),
    ],
    "autoscaling": ["horizontalpodautoscalers"],
    "batch": ["cronjobs", "jobs"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
}


def _rule(group: str, resources: list[str], verbs: list[str]) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def default_roles(kinds: Kinds) -> list[Object]:
    """ClusterRoles of a new cluster: cluster-admin, admin, edit, view and what every caller may."""
    statuses = {
        g: [
            f"{k.plural}/status"
            for k in kinds.all()
            if k.group == g and k.plural in r and "status" in k.subresources
        ]
        for g, r in _FACING.items()
    }
    view = [_rule(g, [*r, *statuses[g]], _READ) for g, r in _FACING.items()]
    view += [_rule("", ["events", "namespaces", "pods/log", "limitranges", "resourcequotas"], _READ)]
    view += [_rule("discovery.k8s.io", ["endpointslices"], _READ), _rule("metrics.k8s.io", ["pods"], _READ)]
    edit = [*view, *(_rule(g, r, _WRITE) for g, r in _FACING.items())]
    into = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"]
    edit += [
        _rule("", ["secrets", *into], _READ + _WRITE),
        _rule("", ["pods/eviction", "serviceaccounts/token"], ["create"]),
    ]
    edit += [_rule("coordination.k8s.io", ["leases"], _READ + _WRITE)]
    admin = [*edit, _rule(GROUP, ["roles", "rolebindings"], _READ + _WRITE)]
    admin += [_rule("authorization.k8s.io", ["localsubjectaccessreviews"], ["create"])]
    everything = [_rule("*", ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    basic = [
        _rule("authorization.k8s.io", reviews, ["create"]),
        _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
    ]
    paths = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", "/version", "/version/"]
    discovery = [{"nonResourceURLs": paths, "verbs": ["get"]}]
    named = {"cluster-admin": everything, "admin": admin, "edit": edit, "view": view}
    issuer = [{"nonResourceURLs": ["/.well-known/openid-configuration", "/openid/v1/jwks"], "verbs": ["get"]}]
    named |= {"system:basic-user": basic, "system:discovery": discovery, _ISSUER: issuer}
    return [{"metadata": _bootstrap(name), "rules": rules} for name, rules in named.items()]


#: Who may read the key that tokens are checked with.
_ISSUER = "system:service-account-issuer-discovery"


def default_bindings() -> list[Object]:
    """ClusterRoleBindings of a new cluster."""
    given = {"cluster-admin": MASTERS, "system:basic-user": "system:authenticated"}
    given |= {"system:discovery": "system:authenticated", _ISSUER: "system:serviceaccounts"}
    return [
        {
            "metadata": _bootstrap(role),
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group}],
        }
        for role, group in given.items()
    ]


def _bootstrap(name: str) -> Object:
    return {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
