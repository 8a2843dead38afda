"""Server-side tables: the columns ``kubectl get`` prints."""

from __future__ import annotations

from localcloud.kubernetes.cells import (
    AGE,
    MODES,
    NAME,
    SUBJECTS,
    TEMPLATE,
    Columns,
    Object,
    Printed,
    created,
    declared,
    disruptions,
    endpoint_addresses,
    external_address,
    ingress_hosts,
    job_duration,
    job_status,
    marked_default,
    metric_targets,
    node_address,
    node_info,
    node_status,
    owner_of,
    pairs,
    pod_status,
    quota_of,
    ratio,
    ready_containers,
    request_status,
    requested_duration,
    role_of,
    service_ports,
    since,
    slice_endpoints,
    slice_ports,
    status_of,
    wanted_replicas,
)

#: ReplicaSets and ReplicationControllers.
SET_COLUMNS: Columns = [
    NAME,
    ("Desired", wanted_replicas),
    ("Current", lambda o: status_of(o, "replicas")),
    ("Ready", lambda o: status_of(o, "readyReplicas")),
    AGE,
]

_COLUMNS: dict[str, Columns] = {
    "pods": [
        NAME,
        ("Ready", ready_containers),
        ("Status", pod_status),
        (
            "Restarts",
            lambda o: sum(s.get("restartCount", 0) for s in o.get("status", {}).get("containerStatuses", ())),
        ),
        AGE,
    ],
    "deployments.apps": [
        NAME,
        ("Ready", ratio("readyReplicas", wanted_replicas)),
        ("Up-to-date", lambda o: status_of(o, "updatedReplicas")),
        ("Available", lambda o: status_of(o, "availableReplicas")),
        AGE,
    ],
    "replicasets.apps": SET_COLUMNS,
    "replicationcontrollers": SET_COLUMNS,
    "certificatesigningrequests.certificates.k8s.io": [
        NAME,
        AGE,
        ("SignerName", lambda o: o["spec"]["signerName"]),
        ("Requestor", lambda o: o["spec"].get("username", "")),
        ("RequestedDuration", requested_duration),
        ("Condition", request_status),
    ],
    "statefulsets.apps": [NAME, ("Ready", ratio("readyReplicas", wanted_replicas)), AGE],
    "daemonsets.apps": [
        NAME,
        ("Desired", lambda o: status_of(o, "desiredNumberScheduled")),
        ("Current", lambda o: status_of(o, "currentNumberScheduled")),
        ("Ready", lambda o: status_of(o, "numberReady")),
        ("Up-to-date", lambda o: status_of(o, "updatedNumberScheduled")),
        ("Available", lambda o: status_of(o, "numberAvailable")),
        ("Node Selector", lambda o: pairs(o["spec"]["template"]["spec"].get("nodeSelector"))),
        AGE,
    ],
    "controllerrevisions.apps": [
        NAME,
        ("Controller", lambda o: next((owner_of(r) for r in o["metadata"].get("ownerReferences", ())), "")),
        ("Revision", lambda o: o["revision"]),
        AGE,
    ],
    "jobs.batch": [
        NAME,
        ("Status", job_status),
        ("Completions", ratio("succeeded", lambda o: o["spec"].get("completions", 1))),
        ("Duration", job_duration),
        AGE,
    ],
    "cronjobs.batch": [
        NAME,
        ("Schedule", lambda o: o["spec"]["schedule"]),
        ("Timezone", lambda o: o["spec"].get("timeZone", "<none>")),
        ("Suspend", lambda o: str(o["spec"]["suspend"])),
        ("Active", lambda o: len(o.get("status", {}).get("active", ()))),
        (
            "Last Schedule",
            lambda o: since(t) if (t := o.get("status", {}).get("lastScheduleTime")) else "<none>",
        ),
        AGE,
    ],
    "services": [
        NAME,
        ("Type", lambda o: o["spec"]["type"]),
        ("Cluster-IP", lambda o: o["spec"].get("clusterIP", "<none>")),
        ("External-IP", external_address),
        ("Port(s)", service_ports),
        AGE,
    ],
    "endpoints": [NAME, ("Endpoints", endpoint_addresses), AGE],
    "endpointslices.discovery.k8s.io": [
        NAME,
        ("AddressType", lambda o: o["addressType"]),
        ("Ports", slice_ports),
        ("Endpoints", slice_endpoints),
        AGE,
    ],
    "nodes": [
        NAME,
        ("Status", node_status),
        ("Roles", lambda o: "<none>"),
        AGE,
        ("Version", node_info("kubeletVersion")),
    ],
    "namespaces": [NAME, ("Status", lambda o: o["status"]["phase"]), AGE],
    "horizontalpodautoscalers.autoscaling": [
        NAME,
        (
            "Reference",
            lambda o: f"{o['spec']['scaleTargetRef']['kind']}/{o['spec']['scaleTargetRef']['name']}",
        ),
        ("Targets", metric_targets),
        ("MinPods", lambda o: o["spec"]["minReplicas"]),
        ("MaxPods", lambda o: o["spec"]["maxReplicas"]),
        ("Replicas", lambda o: status_of(o, "currentReplicas")),
        AGE,
    ],
    "poddisruptionbudgets.policy": [
        NAME,
        ("Min Available", disruptions("minAvailable")),
        ("Max Unavailable", disruptions("maxUnavailable")),
        ("Allowed Disruptions", lambda o: status_of(o, "disruptionsAllowed")),
        AGE,
    ],
    "secrets": [
        NAME,
        ("Type", lambda o: o.get("type", "")),
        ("Data", lambda o: len(o.get("data", {}))),
        AGE,
    ],
    "configmaps": [NAME, ("Data", lambda o: len({**o.get("data", {}), **o.get("binaryData", {})})), AGE],
    "events": [
        ("Last Seen", lambda o: since(o.get("lastTimestamp") or o["metadata"].get("creationTimestamp"))),
        ("Type", lambda o: o.get("type", "")),
        ("Reason", lambda o: o.get("reason", "")),
        (
            "Object",
            lambda o: f"{o['involvedObject'].get('kind', '').lower()}/{o['involvedObject'].get('name', '')}",
        ),
        ("Message", lambda o: o.get("message", "")),
    ],
    "persistentvolumeclaims": [
        NAME,
        ("Status", lambda o: o.get("status", {}).get("phase", "")),
        ("Volume", lambda o: o["spec"].get("volumeName", "")),
        ("Capacity", lambda o: o.get("status", {}).get("capacity", {}).get("storage", "")),
        ("Access Modes", lambda o: ",".join(MODES.get(m, m) for m in o["spec"].get("accessModes", ()))),
        ("StorageClass", lambda o: o["spec"].get("storageClassName", "")),
        AGE,
    ],
    "storageclasses.storage.k8s.io": [
        ("Name", marked_default),
        ("Provisioner", lambda o: o["provisioner"]),
        ("ReclaimPolicy", lambda o: o["reclaimPolicy"]),
        ("VolumeBindingMode", lambda o: o["volumeBindingMode"]),
        ("AllowVolumeExpansion", lambda o: str(o.get("allowVolumeExpansion", False)).lower()),
        AGE,
    ],
    "ingresses.networking.k8s.io": [
        NAME,
        ("Class", lambda o: o["spec"].get("ingressClassName", "<none>")),
        ("Hosts", ingress_hosts),
        ("Address", lambda o: "" if external_address(o) == "<none>" else external_address(o)),
        ("Ports", lambda o: "80, 443" if o["spec"].get("tls") else "80"),
        AGE,
    ],
    "networkpolicies.networking.k8s.io": [
        NAME,
        ("Pod-Selector", lambda o: pairs(o["spec"].get("podSelector", {}).get("matchLabels"))),
        AGE,
    ],
    "resourcequotas": [NAME, ("Request", quota_of("requests")), ("Limit", quota_of("limits")), AGE],
    "limitranges": [NAME, ("Created At", created)],
    "roles.rbac.authorization.k8s.io": [NAME, ("Created At", created)],
    "clusterroles.rbac.authorization.k8s.io": [NAME, ("Created At", created)],
    "rolebindings.rbac.authorization.k8s.io": [NAME, ("Role", role_of), AGE],
    "clusterrolebindings.rbac.authorization.k8s.io": [NAME, ("Role", role_of), AGE],
    "priorityclasses.scheduling.k8s.io": [
        NAME,
        ("Value", lambda o: o["value"]),
        ("Global-Default", lambda o: str(o.get("globalDefault", False)).lower()),
        AGE,
    ],
    "customresourcedefinitions.apiextensions.k8s.io": [NAME, ("Created At", created)],
}


#: Columns that ``-o wide`` adds.
_WIDE: dict[str, Columns] = {
    "pods": [
        ("IP", lambda o: o.get("status", {}).get("podIP", "<none>")),
        ("Node", lambda o: o["spec"].get("nodeName", "<none>")),
        ("Nominated Node", lambda o: o.get("status", {}).get("nominatedNodeName", "<none>")),
        ("Readiness Gates", lambda o: "<none>"),
    ],
    "nodes": [
        ("Internal-IP", node_address("InternalIP")),
        ("External-IP", node_address("ExternalIP")),
        ("OS-Image", node_info("osImage")),
        ("Kernel-Version", node_info("kernelVersion")),
        ("Container-Runtime", node_info("containerRuntimeVersion")),
    ],
    "deployments.apps": TEMPLATE,
    "replicasets.apps": TEMPLATE,
    "replicationcontrollers": [*TEMPLATE[:2], ("Selector", lambda o: pairs(o["spec"].get("selector")))],
    "statefulsets.apps": TEMPLATE[:2],
    "daemonsets.apps": TEMPLATE,
    "jobs.batch": TEMPLATE,
    "services": [("Selector", lambda o: pairs(o["spec"].get("selector")))],
    "rolebindings.rbac.authorization.k8s.io": SUBJECTS,
    "clusterrolebindings.rbac.authorization.k8s.io": SUBJECTS,
    "persistentvolumeclaims": [("VolumeMode", lambda o: o["spec"].get("volumeMode", ""))],
}


def table(
    resource: str, objects: list[Object], list_metadata: Object, custom: Printed = (), whole: bool = False
) -> Object:
    """A ``meta.k8s.io/v1`` Table.

    Args:
        custom: the columns that a CustomResourceDefinition declares.
        whole: rows hold their objects, which a client that sorts by a field asks for, not just metadata.
    """
    shown = _COLUMNS.get(resource) or [NAME, *declared(custom, False), *([] if custom else [AGE])]
    wide = _WIDE.get(resource, []) + declared(custom, True)
    columns = shown + wide
    definitions = [
        {
            "name": n,
            "type": "string",
            "format": "name" if n == "Name" else "",
            "description": n,
            "priority": int(i >= len(shown)),
        }
        for i, (n, _) in enumerate(columns)
    ]
    rows = [
        {
            "cells": [cell(o) for _, cell in columns],
            "object": o
            if whole
            else {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": o["metadata"],
            },
        }
        for o in objects
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }
