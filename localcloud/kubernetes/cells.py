"""What stands in the cells of the tables that ``kubectl get`` prints."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from localcloud.kubernetes.selectors import follow

Object = dict[str, Any]
Columns = list[tuple[str, Callable[[Object], Any]]]


def duration(seconds: float) -> str:
    """A span as kubectl prints it: in the largest unit that it holds twice."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if whole >= 2 * size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def since(text: str | None) -> str:
    """Time since a timestamp."""
    if not text:
        return "<unknown>"
    return duration((datetime.datetime.now(datetime.UTC) - _moment(text)).total_seconds())


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def _age(obj: Object) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def status_of(obj: Object, name: str) -> Any:
    """A count in ``status``; 0 where it is not there yet."""
    return obj.get("status", {}).get(name, 0)


def ratio(ready: str, wanted: Callable[[Object], Any]) -> Callable[[Object], str]:
    """``ready/wanted``, such as ``2/3``."""
    return lambda o: f"{status_of(o, ready)}/{wanted(o)}"


def wanted_replicas(obj: Object) -> int:
    """``spec.replicas``."""
    return int(obj["spec"].get("replicas", 0))


def pod_status(obj: Object) -> str:
    """What the STATUS column of a Pod says."""
    status = obj.get("status", {})
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for container in status.get("containerStatuses", ()):
        state = container.get("state", {})
        for phase in ("waiting", "terminated"):
            if state.get(phase, {}).get("reason"):
                return str(state[phase]["reason"])
    return str(status.get("phase", "Unknown"))


def request_status(obj: Object) -> str:
    """Whether a CertificateSigningRequest is pending, approved, denied or failed, and signed."""
    status = obj.get("status", {})
    said = [c["type"] for c in status.get("conditions", ())]
    signed = ["Issued"] if status.get("certificate") else []
    return ",".join([*said, *signed]) or "Pending"


def requested_duration(obj: Object) -> str:
    """How long a certificate is asked for."""
    seconds = obj["spec"].get("expirationSeconds")
    return duration(seconds) if seconds else "<none>"


def ready_containers(obj: Object) -> str:
    """Ready containers of all, such as ``1/1``."""
    statuses = obj.get("status", {}).get("containerStatuses", ())
    return f"{sum(bool(s.get('ready')) for s in statuses)}/{len(obj['spec']['containers'])}"


def node_status(obj: Object) -> str:
    """Whether a Node is ready, and whether it is cordoned."""
    conditions = obj.get("status", {}).get("conditions", ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ("Ready" if ready else "NotReady") + (
        ",SchedulingDisabled" if obj["spec"].get("unschedulable") else ""
    )


def external_address(obj: Object) -> str:
    """A load balancer's addresses."""
    ingress = obj.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    if ingress:
        return ",".join(i.get("ip") or i.get("hostname", "") for i in ingress)
    return "<pending>" if obj["spec"].get("type") == "LoadBalancer" else "<none>"


def service_ports(obj: Object) -> str:
    """Port, node port and protocol of each port."""

    def one(port: Object) -> str:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        return f"{port['port']}{node}/{port['protocol']}"

    return ",".join(one(p) for p in obj["spec"].get("ports", ())) or "<none>"


def metric_targets(obj: Object) -> str:
    """Measured and wanted value of each metric of an autoscaler, as kubectl shows them."""
    current = obj.get("status", {}).get("currentMetrics") or []
    shown = []
    for place, metric in enumerate(obj["spec"]["metrics"]):
        part = metric["type"][0].lower() + metric["type"][1:]
        wanted = metric[part]["target"]
        now = current[place].get(part, {}).get("current", {}) if place < len(current) else {}
        name = f"{metric[part]['name']}: " if "name" in metric[part] else ""
        if "averageUtilization" in wanted:
            have = f"{now['averageUtilization']}%" if "averageUtilization" in now else "<unknown>"
            shown.append(f"{name}{have}/{wanted['averageUtilization']}%")
            continue
        field = "averageValue" if "averageValue" in wanted else "value"
        average = " (avg)" if field == "averageValue" and part in ("object", "external") else ""
        shown.append(f"{name}{now.get(field, '<unknown>')}/{wanted[field]}{average}")
    return ", ".join(shown)


NAME: tuple[str, Callable[[Object], Any]] = ("Name", lambda o: o["metadata"]["name"])
AGE = ("Age", _age)
MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def created(obj: Object) -> str:
    """When it was made."""
    return str(obj["metadata"].get("creationTimestamp", ""))


def owner_of(reference: Object) -> str:
    """``deployment.apps/name``."""
    group = reference["apiVersion"].partition("/")[0]
    return f"{reference['kind'].lower()}.{group}/{reference['name']}"


def _containers(field: str) -> Callable[[Object], str]:
    return lambda o: ",".join(c[field] for c in o["spec"]["template"]["spec"]["containers"])


def pairs(labels: Object | None) -> str:
    """Labels or a selector as ``a=b,c=d``."""
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or "<none>"


def _selector(obj: Object) -> str:
    selector = obj["spec"].get("selector") or {}
    return pairs(selector.get("matchLabels"))


#: What ``-o wide`` adds for everything that has a Pod template.
TEMPLATE: Columns = [
    ("Containers", _containers("name")),
    ("Images", _containers("image")),
    ("Selector", _selector),
]


def job_status(obj: Object) -> str:
    """Complete, Failed or Running."""
    done = [c["type"] for c in obj.get("status", {}).get("conditions", ()) if c["status"] == "True"]
    return next((t for t in done if t in ("Complete", "Failed")), "Running")


def job_duration(obj: Object) -> str:
    """From start to completion, or to now."""
    status = obj.get("status", {})
    if not status.get("startTime"):
        return ""
    if not status.get("completionTime"):
        return since(status["startTime"])
    return duration((_moment(status["completionTime"]) - _moment(status["startTime"])).total_seconds())


def slice_ports(obj: Object) -> str:
    """An EndpointSlice's ports."""
    return ",".join(str(p.get("port", "*")) for p in obj.get("ports") or ()) or "<unset>"


def slice_endpoints(obj: Object) -> str:
    """An EndpointSlice's addresses."""
    return ",".join(a for e in obj.get("endpoints") or () for a in e["addresses"]) or "<unset>"


def endpoint_addresses(obj: Object) -> str:
    """The first three addresses with their ports."""
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for address in subset.get("addresses", ())
        for port in subset.get("ports", ())
    ]
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more or "<none>"


def node_address(kind: str) -> Callable[[Object], str]:
    """A Node's first address of a kind."""

    def find(obj: Object) -> str:
        found = (a["address"] for a in obj["status"].get("addresses", ()) if a["type"] == kind)
        return next(found, "<none>")

    return find


def node_info(name: str) -> Callable[[Object], str]:
    """A field of a Node's ``nodeInfo``."""
    return lambda o: str(o["status"]["nodeInfo"].get(name) or "<unknown>")


def role_of(obj: Object) -> str:
    """What a binding grants."""
    return f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"


def _subjects(kind: str) -> Callable[[Object], str]:
    def shown(obj: Object) -> str:
        wanted = [s for s in obj.get("subjects", ()) if s["kind"] == kind]
        return ", ".join(f"{s['namespace']}/{s['name']}" if "namespace" in s else s["name"] for s in wanted)

    return shown


SUBJECTS: Columns = [
    ("Users", _subjects("User")),
    ("Groups", _subjects("Group")),
    ("ServiceAccounts", _subjects("ServiceAccount")),
]


def ingress_hosts(obj: Object) -> str:
    """An Ingress's hosts."""
    return ",".join(r.get("host", "*") for r in obj["spec"].get("rules", ())) or "*"


def quota_of(part: str) -> Callable[[Object], str]:
    """Used and allowed of each resource, of ``limits`` or of ``requests``."""

    def shown(obj: Object) -> str:
        used, hard = obj.get("status", {}).get("used", {}), obj["spec"].get("hard", {})
        names = sorted(n for n in hard if n.startswith("limits.") == (part == "limits"))
        return ", ".join(f"{n}: {used.get(n, 0)}/{hard[n]}" for n in names)

    return shown


def marked_default(obj: Object) -> str:
    """A StorageClass's name, marked where it is the default."""
    marked = obj["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class")
    return obj["metadata"]["name"] + (" (default)" if marked == "true" else "")


def disruptions(field: str) -> Callable[[Object], Any]:
    """A field of a budget's spec."""
    return lambda o: o["spec"].get(field, "N/A")


#: ``additionalPrinterColumns``: name, JSON path, type and priority.
Printed = Sequence[tuple[str, str, str, int]]


def declared(custom: Printed, wide: bool) -> Columns:
    """The columns that a CustomResourceDefinition declares, shown always or only with ``-o wide``."""
    return [
        (name, _printed(path, kind == "date"))
        for name, path, kind, priority in custom
        if bool(priority) == wide
    ]


def _printed(path: str, date: bool) -> Callable[[Object], Any]:
    def cell(obj: Object) -> Any:
        value = follow(obj, path)
        if value is None or isinstance(value, dict | list):
            return "" if value is None else orjson.dumps(value).decode()
        return since(str(value)) if date else value

    return cell
