"""What a Job must not ask for at once: indexes, policies and limits that go together.

Rules and sentences of the API server's validation (pkg/apis/batch/validation, read November 2026).
"""

from __future__ import annotations

from localcloud.kubernetes.storage import Object

Cause = tuple[str, str, str]


def check_job(spec: Object, path: str = "spec") -> list[Cause]:
    """Causes to refuse a Job's spec for; none where it is sound."""
    causes: list[Cause] = []
    indexed = spec.get("completionMode") == "Indexed"
    if indexed and spec.get("completions") is None:
        text = "Required value: when completion mode is Indexed"
        causes.append((f"{path}.completions", "FieldValueRequired", text))
    for name in ("backoffLimitPerIndex", "successPolicy"):
        if spec.get(name) is not None and not indexed:
            text = "Invalid value: requires indexed completion mode"
            causes.append((f"{path}.{name}", "FieldValueInvalid", text))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        text = "Required value: when maxFailedIndexes is specified"
        causes.append((f"{path}.backoffLimitPerIndex", "FieldValueRequired", text))
    restart = spec["template"]["spec"].get("restartPolicy")
    field = f"{path}.template.spec.restartPolicy"
    if restart in ("Always", None):
        text = 'Required value: valid values: "OnFailure", "Never"'
        causes.append((field, "FieldValueRequired", text))
    elif restart not in ("Never", "OnFailure"):
        text = f'Unsupported value: "{restart}": supported values: "OnFailure", "Never"'
        causes.append((field, "FieldValueNotSupported", text))
    if spec.get("podFailurePolicy") and restart != "Never":
        text = f'Invalid value: "{restart}": only "Never" is supported when podFailurePolicy is specified'
        causes.append((field, "FieldValueInvalid", text))
    return causes + _rules(spec, path)


def _rules(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    names = {c["name"] for c in spec["template"]["spec"].get("containers", ())}
    for place, rule in enumerate((spec.get("podFailurePolicy") or {}).get("rules", ())):
        where = f"{path}.podFailurePolicy.rules[{place}]"
        if rule.get("action") == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            text = 'Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'
            causes.append((f"{where}.action", "FieldValueInvalid", text))
        exits = rule.get("onExitCodes")
        if bool(exits) == bool(rule.get("onPodConditions")):
            text = "Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
            causes.append((where, "FieldValueInvalid", text))
        elif exits and exits["operator"] == "In" and 0 in exits["values"]:
            text = "Invalid value: 0: must not be 0 for the In operator"
            causes.append((f"{where}.onExitCodes.values", "FieldValueInvalid", text))
        elif exits and exits.get("containerName") not in (None, *names):
            text = f'Invalid value: "{exits["containerName"]}": must be one of the container names'
            causes.append((f"{where}.onExitCodes.containerName", "FieldValueInvalid", text))
    return causes
