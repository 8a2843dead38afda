"""From a request to an answer: discovery, objects, subresources, metrics, and the rehearsal's own paths."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson

from localcloud.kubernetes import errors, patching, protobuf, subresources
from localcloud.kubernetes.adapters.api import is_metrics_path
from localcloud.kubernetes.answers import Answer, Dropped
from localcloud.kubernetes.certificate_requests import RESOURCE as CERTIFICATE_REQUESTS
from localcloud.kubernetes.certificate_requests import requested_by
from localcloud.kubernetes.cluster import Cluster
from localcloud.kubernetes.documents import Documents
from localcloud.kubernetes.eviction import evict
from localcloud.kubernetes.faults import refusal
from localcloud.kubernetes.gate import Gate
from localcloud.kubernetes.kinds import Kind
from localcloud.kubernetes.proxying import Proxy
from localcloud.kubernetes.reading import Lists, Watches, selection, wants_table
from localcloud.kubernetes.reviews import review
from localcloud.kubernetes.routing import Request, Target, parse_target, watch_path
from localcloud.kubernetes.verbs import DeleteOptions
from localcloud.kubernetes.versions import Versions

Json = dict[str, Any]
#: What the subresources that no Pod or Service has here would need.
_NO_CONTAINER = "it has no container runtime, so no container that could be entered or added"
_NO_NETWORK = (
    "its Pods have no network; where a process stands behind a Service, the Service's address answers"
)
_WHY = {"exec": _NO_CONTAINER, "attach": _NO_CONTAINER, "ephemeralcontainers": _NO_CONTAINER}
_WHY |= {"portforward": _NO_NETWORK}
_HEALTH = ("/readyz", "/livez", "/healthz")


def parse_body(request: Request) -> Any:
    """The body as data: JSON, or protobuf or YAML where a client sends that.

    Raises:
        ApiError: 400, or 415 for CBOR.
    """
    if not request.body:
        return None
    if request.content_type == protobuf.MEDIA:
        return protobuf.decode(request.body)
    if "cbor" in request.content_type:
        raise errors.ApiError(
            415,
            "UnsupportedMediaType",
            f"{request.content_type} is not in the rehearsal: send application/json",
        )
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        if "yaml" not in request.content_type:
            raise errors.bad_request(f"the object provided is unrecognized: {error}") from error
    import yaml

    try:
        return yaml.load(request.body, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding YAML: {error}") from error


class Handlers:
    """Answers requests of authenticated callers."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._verbs, self._kinds, self._store = cluster.verbs, cluster.kinds, cluster.store
        self._documents = Documents(cluster)
        self._gate = Gate(cluster.authenticator, cluster.authorizer, cluster.store)
        self._lists, self._watches = Lists(cluster.store), Watches(cluster.store)
        self._proxy = Proxy(cluster.verbs, cluster.kubelet)
        self._versions = Versions(cluster.verbs, cluster.kinds)

    async def answer(self, request: Request) -> Answer:
        """The answer to any request.

        Raises:
            ApiError: whatever Kubernetes would refuse.
            Dropped: there is to be none.
        """
        path = request.path.rstrip("/") or "/"
        rehearsal = path.startswith("/_rehearsal/")
        fault = None if rehearsal else self._cluster.faults.of_request(request.method, path)
        cut = fault is not None and await self._suffer(fault)
        answer = await self._answer(request, path, rehearsal)
        if cut and fault is not None:
            answer.cut_after = fault.get("seconds", 0.0)
        return answer

    @staticmethod
    async def _suffer(fault: Json) -> bool:
        """Wait or raise as a fault says; whether the answer is to be cut."""
        drop = fault.get("drop")
        if drop != "within":
            await asyncio.sleep(fault.get("seconds", 0))
        if drop == "before":
            raise Dropped
        if fault.get("code"):
            raise refusal(fault["code"])
        return drop == "within"

    async def _answer(self, request: Request, path: str, rehearsal: bool) -> Answer:
        if path.startswith(_HEALTH):
            return Answer(text="ok", content_type="text/plain")
        request.user = self._gate.caller(request, rehearsal)
        if rehearsal:
            self._gate.require_path(request, path)
            return self._rehearsal(request, path)
        if is_metrics_path(path):
            return await self._measured(request, path)
        if proxied := self._proxy.target(request.path):
            self._gate.require(request, proxied)
            passed = await self._proxy.forward(request, proxied)
            return Answer(data=passed.data, code=passed.code, content_type=passed.content_type)
        if path.startswith(("/api/", "/apis/")) and len(path.split("/")) > (
            3 if path.startswith("/api/") else 4
        ):
            target = parse_target(watch_path(request, path), self._kinds)
            self._gate.require(request, target)
            return self._resource(request, target)
        self._gate.require_path(request, path)
        self._cluster.measured.list_kinds()
        return self._documents.answer(request, path)

    def _resource(self, request: Request, target: Target) -> Answer:
        if target.kind.group == "metrics.k8s.io":
            return Answer(self._metrics(request, target))
        if target.kind.verbs == ("create",):
            if request.method != "POST":
                raise _method_not_allowed()
            return Answer(review(self._cluster, target, parse_body(request), request.user), 201)
        if target.subresource and target.subresource not in target.kind.subresources:
            name = target.subresource
            raise errors.not_rehearsed(f"{target.kind.resource}/{name}", _WHY.get(name, ""))
        if target.subresource in ("scale", "log", "eviction", "token"):
            return self._subresource(request, replace(target, kind=self._kinds.storage_of(target.kind)))
        return self._converted(request, target) if target.kind.storage else self._object(request, target)

    def _converted(self, request: Request, target: Target) -> Answer:
        """The answer to a request in a version that is not the kept one."""
        kind = target.kind
        request, target, warnings = self._versions.kept(request, target, parse_body(request))
        answer = self._object(request, target)
        if answer.stream is not None:
            answer.stream = self._versions.stream(kind, answer.stream)
        answer.body = self._versions.shown(kind, answer.body)
        answer.warnings = warnings
        return answer

    def _object(self, request: Request, target: Target) -> Answer:
        match request.method:
            case "GET":
                return self._read(request, target)
            case "POST" if not target.name:
                given = parse_body(request)
                self._gate.require_grant(request.user, target, given)
                if target.kind.resource == CERTIFICATE_REQUESTS:
                    given = requested_by(given, request.user)
                body, warnings = self._verbs.create(
                    target.kind, target.namespace, given, request.write_options
                )
                return Answer(body, 201, warnings=warnings)
            case "PUT" if target.name:
                return self._update(request, target)
            case "PATCH" if target.name:
                return self._patch(request, target)
            case "DELETE":
                return self._delete(request, target)
        raise _method_not_allowed()

    def _read(self, request: Request, target: Target) -> Answer:
        if request.flag("watch") and not target.name:
            return Answer(stream=self._watches.stream(request, target))
        if not target.name:
            return Answer(self._lists.page(request, target))
        obj = self._verbs.get(target.kind, target.namespace, target.name)
        if wants_table(request):
            revision = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return Answer(self._lists.render(request, target.kind, [obj], revision))
        return Answer(obj)

    def _update(self, request: Request, target: Target) -> Answer:
        given = parse_body(request)
        self._gate.require_grant(request.user, target, given)
        body, warnings = self._verbs.update(
            target.kind,
            target.namespace,
            target.name,
            given,
            request.write_options,
            target.subresource,
        )
        return Answer(body, warnings=warnings)

    def _patch(self, request: Request, target: Target) -> Answer:
        options = request.write_options
        if request.content_type == patching.APPLY and not request.query.get("fieldManager"):
            raise errors.bad_request(
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required '
                "for apply patch"
            )
        where = (target.kind, target.namespace, target.name, parse_body(request), request.content_type)
        if self._gate.grants(request.user, target):
            # What the patch would make decides, not what it says.
            made, *_ = self._verbs.patch(*where, replace(options, dry_run=True), target.subresource)
            self._gate.require_grant(request.user, target, made)
        body, warnings, created = self._verbs.patch(*where, options, target.subresource)
        return Answer(body, 201 if created else 200, warnings=warnings)

    # Delete

    def _delete_options(self, request: Request) -> DeleteOptions:
        body = parse_body(request) or {}
        conditions = body.get("preconditions") or {}
        grace = body.get("gracePeriodSeconds", request.number("gracePeriodSeconds"))
        orphan = body.get("orphanDependents")
        policy = body.get("propagationPolicy") or request.query.get("propagationPolicy")
        return DeleteOptions(
            propagation=policy or ("Orphan" if orphan else "Background"),
            grace=grace,
            uid=conditions.get("uid") or "",
            resource_version=conditions.get("resourceVersion") or "",
            dry_run=bool(body.get("dryRun") or request.query.get("dryRun")),
        )

    def _delete(self, request: Request, target: Target) -> Answer:
        options = self._delete_options(request)
        kind = target.kind
        if not target.name:
            if kind.resource in ("namespaces", "services"):
                raise _method_not_allowed()
            selected = selection(request, target)
            doomed = [o for o in self._store.list(kind.resource, target.namespace) if selected(o)]
            for obj in doomed:
                self._verbs.delete(
                    kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"], options
                )
            metadata = {"resourceVersion": str(self._store.revision)}
            return Answer(
                {
                    "kind": f"{kind.kind}List",
                    "apiVersion": kind.api_version,
                    "metadata": metadata,
                    "items": doomed,
                }
            )
        obj, gone = self._verbs.delete(kind, target.namespace, target.name, options)
        if not gone or kind.resource in (
            "pods",
            "services",
            "serviceaccounts",
            "persistentvolumeclaims",
            "persistentvolumes",
            "resourcequotas",
            "storageclasses.storage.k8s.io",
        ):
            return Answer(obj)
        details = {"name": target.name, "kind": kind.plural, "uid": obj["metadata"]["uid"]}
        if kind.group:
            details["group"] = kind.group
        return Answer(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    # Subresources

    def _subresource(self, request: Request, target: Target) -> Answer:
        kind, namespace, name = target.kind, target.namespace, target.name
        key = (target.subresource, request.method)
        if key == ("scale", "GET"):
            return Answer(subresources.scale_of(kind, self._verbs.get(kind, namespace, name)))
        if key in (("scale", "PUT"), ("scale", "PATCH")):
            media = request.content_type if request.method == "PATCH" else None
            body = parse_body(request)
            return Answer(
                subresources.write_scale(
                    self._verbs, kind, namespace, name, body, media, request.write_options
                )
            )
        if key == ("eviction", "POST"):
            return Answer(evict(self._verbs, kind, namespace, name, parse_body(request)), 201)
        if key == ("token", "POST"):
            account = self._verbs.get(kind, namespace, name)
            return Answer(self._cluster.accounts.issue(account, parse_body(request)), 201)
        if key == ("log", "GET"):
            pod = self._verbs.get(kind, namespace, name)
            logs = self._cluster.kubelet.logs(
                pod,
                request.query.get("container", ""),
                request.number("tailLines"),
                request.flag("previous"),
            )
            if request.flag("follow"):
                return Answer(stream=logs.follow(), content_type="text/plain")
            return Answer(text=logs.text(), content_type="text/plain")
        raise _method_not_allowed()

    def _metrics(self, request: Request, target: Target) -> Json:
        if request.method != "GET" or target.subresource:
            raise _method_not_allowed()
        metrics = self._cluster.metrics
        items = metrics.nodes() if target.kind.plural == "nodes" else metrics.pods(target.namespace)
        selected = selection(request, target)
        items = [item for item in items if selected(item)]
        if target.name:
            if not items:
                raise errors.not_found(target.kind.resource, target.name)
            return items[0]
        return {
            "kind": f"{target.kind.kind}List",
            "apiVersion": target.kind.api_version,
            "metadata": {},
            "items": items,
        }

    async def _measured(self, request: Request, path: str) -> Answer:
        """A custom or external metric; to RBAC, the metric of an object is its subresource."""
        _, group, version, *rest = path.strip("/").split("/")
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        plural, name, metric = [*(rest[2:] if namespace else rest), "", ""][:3]
        kind = Kind(group, version, "", plural, verbs=("get",))
        self._gate.require(request, Target(kind, namespace, name, metric))
        if request.method != "GET":
            raise _method_not_allowed()
        return Answer(await self._cluster.measured.answer(path, request.query))

    # The rehearsal's own paths

    def _rehearsal(self, request: Request, path: str) -> Answer:
        groups, faults = self._cluster.node_groups, self._cluster.faults
        match (request.method, path.strip("/").split("/")):
            case ("GET", ["_rehearsal", "nodegroups"]):
                return Answer({"nodegroups": groups.all()})
            case ("GET", ["_rehearsal", "nodegroups", name]):
                return Answer(groups.get(name))
            case ("PUT", ["_rehearsal", "nodegroups", name]):
                return Answer(groups.put(name, parse_body(request)))
            case ("DELETE", ["_rehearsal", "nodegroups", name]):
                return Answer(groups.delete(name))
            case ("GET", ["_rehearsal", "faults"]):
                return Answer({"faults": faults.show()})
            case ("POST", ["_rehearsal", "faults"]):
                return Answer(faults.add(parse_body(request)))
            case ("DELETE", ["_rehearsal", "faults"]):
                faults.clear()
                return Answer({"faults": []})
        raise errors.no_such_path()


def _method_not_allowed() -> errors.ApiError:
    return errors.ApiError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
    )
