"""Reviews: who a caller is, whose a token is, and what somebody may do."""

from __future__ import annotations

from typing import Any

from localcloud.kubernetes import errors
from localcloud.kubernetes.cluster import Cluster
from localcloud.kubernetes.rbac import Access
from localcloud.kubernetes.routing import Target
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.users import User, named


def review(cluster: Cluster, target: Target, body: Any, user: User) -> Object:
    """The review with its ``status``.

    Raises:
        ApiError: 422 for a review that asks nothing.
    """
    kind = target.kind
    spec = dict((body or {}).get("spec") or {})
    obj: Object = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"creationTimestamp": None}}
    match kind.kind:
        case "SelfSubjectReview":
            return obj | {"status": {"userInfo": user.info}}
        case "TokenReview":
            return obj | {"spec": spec, "status": _token(cluster, str(spec.get("token", "")))}
        case "SelfSubjectRulesReview":
            namespace = str(spec.get("namespace", ""))
            return obj | {"spec": spec, "status": cluster.authorizer.review_rules(user, namespace)}
        case "SelfSubjectAccessReview":
            return obj | {"spec": spec, "status": _access(cluster, kind.kind, user, spec, "")}
    if not spec.get("user") and not spec.get("groups"):
        text = "Invalid value: at least one of user or group must be specified"
        raise errors.invalid(kind.kind, kind.group, "", [("spec.user", "FieldValueInvalid", text)])
    other = named(str(spec.get("user", "")), tuple(spec.get("groups") or ()))
    return obj | {"spec": spec, "status": _access(cluster, kind.kind, other, spec, target.namespace)}


def _token(cluster: Cluster, token: str) -> Object:
    try:
        return {"authenticated": True, "user": cluster.authenticator.user(f"Bearer {token}").info}
    except errors.ApiError as error:
        return {"authenticated": False, "error": error.message}


def _access(cluster: Cluster, kind: str, user: User, spec: Object, within: str) -> Object:
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(asked) == bool(path):
        text = "Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = ("spec.resourceAttributes", "FieldValueInvalid", text)
        raise errors.invalid(kind, "authorization.k8s.io", "", [cause])
    if asked:
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        wanted = Access(**{"verb": ""} | {n: str(asked.get(n) or "") for n in names})
        if within and wanted.namespace != within:
            text = f"Invalid value: {wanted.namespace!r}: must match metadata.namespace"
            cause = ("spec.resourceAttributes.namespace", "FieldValueInvalid", text)
            raise errors.invalid(kind, "authorization.k8s.io", "", [cause])
    else:
        assert path
        wanted = Access(str(path.get("verb", "")), path=str(path.get("path", "")))
    reason = cluster.authorizer.reason(user, wanted)
    return {"allowed": reason is not None} | ({"reason": reason} if reason else {})
