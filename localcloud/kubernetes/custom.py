"""Kinds that a CustomResourceDefinition declares."""

from __future__ import annotations

from localcloud.kubernetes.controllers.runtime import set_condition
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.verbs import Verbs

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"


def serve(verbs: Verbs, definition: Object) -> None:
    """Register every served version of a definition and report it Established."""
    spec = definition["spec"]
    names = spec["names"]
    kept = next(v["name"] for v in spec["versions"] if v.get("storage"))
    for version in spec["versions"]:
        if not version.get("served", True) and version["name"] != kept:
            continue
        declared = version.get("subresources", {})
        scale = declared.get("scale", {})
        kind = Kind(
            spec["group"],
            version["name"],
            names["kind"],
            names["plural"],
            spec["scope"] == "Namespaced",
            tuple(names.get("shortNames", ())),
            tuple(s for s in ("status", "scale") if s in declared),
            tuple(names.get("categories", ())),
            singular=names.get("singular", ""),
            columns=tuple(
                (c["name"], c["jsonPath"], c["type"], c.get("priority", 0))
                for c in version.get("additionalPrinterColumns", ())
            ),
            replicas=(
                scale.get("specReplicasPath", ""),
                scale.get("statusReplicasPath", ""),
                scale.get("labelSelectorPath", ""),
            ),
            storage=None if version["name"] == kept else (spec["group"], kept),
        )
        verbs.kinds.add_custom(kind)
        schema = version.get("schema", {}).get(
            "openAPIV3Schema", {"x-kubernetes-preserve-unknown-fields": True}
        )
        verbs.schemas.set_custom(kind.api_version, kind.kind, schema)
    conditions = definition.get("status", {}).get("conditions", [])
    conditions = set_condition(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
    conditions = set_condition(
        conditions, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted"
    )
    stored = [v["name"] for v in spec["versions"] if v.get("storage")]
    status = {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}
    verbs.set_status(RESOURCE, definition, status)
