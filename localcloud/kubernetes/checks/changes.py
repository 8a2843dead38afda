"""What an update may not change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from localcloud.kubernetes.checks.causes import IMMUTABLE, Cause, Object, forbidden, invalid

#: What of a Pod's spec may change (kubernetes.io/docs/concepts/workloads/pods, read November 2026).
_POD_MAY = ("activeDeadlineSeconds", "schedulingGates", "tolerations")
_POD_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
    "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)
_STATEFUL_MAY = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFUL_TEXT = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
#: What of a suspended Job's template may change before its first start.
_SCHEDULING = ("affinity", "nodeSelector", "schedulingGates", "tolerations")


def _without(spec: Object, names: tuple[str, ...]) -> Object:
    return {k: v for k, v in spec.items() if k not in names}


def _selector(live: Object, new: Object) -> Iterator[Cause]:
    if live["spec"]["selector"] != new["spec"].get("selector"):
        yield invalid("spec.selector", new["spec"].get("selector"), IMMUTABLE)


def _stateful_set(live: Object, new: Object) -> Iterator[Cause]:
    if _without(live["spec"], _STATEFUL_MAY) != _without(new["spec"], _STATEFUL_MAY):
        yield forbidden("spec", _STATEFUL_TEXT)


def _unscheduled(template: Object) -> Object:
    return {"spec": _without(template.get("spec") or {}, _SCHEDULING)}


def _job(live: Object, new: Object) -> Iterator[Cause]:
    was, now = live["spec"], new["spec"]
    if was.get("completions") != now.get("completions"):
        elastic = now.get("completionMode") == "Indexed" and now.get("completions") == now.get("parallelism")
        if not elastic:
            yield invalid("spec.completions", now.get("completions"), IMMUTABLE)
    for name in ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "successPolicy"):
        if was.get(name) != now.get(name):
            yield invalid(f"spec.{name}", now.get(name), IMMUTABLE)
    waiting = was.get("suspend") and not (live.get("status") or {}).get("startTime")
    before, after = was["template"], now["template"]
    if waiting:
        before, after = _unscheduled(before), _unscheduled(after)
    if before != after:
        yield invalid("spec.template", now["template"], IMMUTABLE)


def _fixed(spec: Object) -> Object:
    """What of a Pod's spec never changes."""
    fixed = _without(spec, _POD_MAY)
    for part in ("containers", "initContainers"):
        fixed[part] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(part) or ()]
    return fixed


def _pod(live: Object, new: Object) -> Iterator[Cause]:
    if live["spec"] != new["spec"] and _fixed(live["spec"]) != _fixed(new["spec"]):
        yield forbidden("spec", _POD_TEXT)


def _service(live: Object, new: Object) -> Iterator[Cause]:
    was, now = live["spec"], new["spec"]
    if "ExternalName" in (was["type"], now["type"]) or was.get("clusterIP", "") in ("", now.get("clusterIP")):
        return
    given = now.get("clusterIP", "")
    if given:
        yield invalid("spec.clusterIPs[0]", [given], "may not change once set")
    else:
        yield invalid("spec.clusterIPs[0]", [], "primary clusterIP can not be unset")


def _config(live: Object, new: Object) -> Iterator[Cause]:
    if live["kind"] == "Secret" and live.get("type") != new.get("type"):
        yield invalid("type", new.get("type"), IMMUTABLE)
    if not live.get("immutable"):
        return
    text = "field is immutable when `immutable` is set"
    for name in ("immutable", "data", "binaryData"):
        if (live.get(name) or {}) != (new.get(name) or {}):
            yield forbidden(name, text)


def _binding(live: Object, new: Object) -> Iterator[Cause]:
    if live["roleRef"] != new["roleRef"]:
        yield invalid("roleRef", new["roleRef"], "cannot change roleRef")


def _quota(live: Object, new: Object) -> Iterator[Cause]:
    if (live["spec"].get("scopes") or []) != (new["spec"].get("scopes") or []):
        yield invalid("spec.scopes", new["spec"].get("scopes"), IMMUTABLE)


def _storage_class(live: Object, new: Object) -> Iterator[Cause]:
    for name, text in (
        ("parameters", "updates to parameters are forbidden."),
        ("provisioner", "updates to provisioner are forbidden."),
        ("reclaimPolicy", "updates to reclaimPolicy are forbidden."),
    ):
        if live.get(name) != new.get(name):
            yield forbidden(name, text)
    if live.get("volumeBindingMode") != new.get("volumeBindingMode"):
        yield invalid("volumeBindingMode", new.get("volumeBindingMode"), IMMUTABLE)


def _priority_class(live: Object, new: Object) -> Iterator[Cause]:
    if live.get("value") != new.get("value"):
        yield forbidden("value", "may not be changed in an update.")
    if live.get("preemptionPolicy") != new.get("preemptionPolicy"):
        yield invalid("preemptionPolicy", new.get("preemptionPolicy"), IMMUTABLE)


_BY_RESOURCE: dict[str, Callable[[Object, Object], Iterator[Cause]]] = {
    "deployments.apps": _selector,
    "replicasets.apps": _selector,
    "daemonsets.apps": _selector,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "pods": _pod,
    "services": _service,
    "configmaps": _config,
    "secrets": _config,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "resourcequotas": _quota,
    "storageclasses.storage.k8s.io": _storage_class,
    "priorityclasses.scheduling.k8s.io": _priority_class,
}


def check_change(resource: str, live: Object, new: Object) -> Iterator[Cause]:
    """Fields of an object that an update may not change and does."""
    check = _BY_RESOURCE.get(resource)
    return iter(()) if check is None else check(live, new)
