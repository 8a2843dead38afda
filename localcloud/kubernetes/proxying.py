"""The proxy subresource of Pods and Services: HTTP passed on to the process that stands behind them."""

from __future__ import annotations

import asyncio
import http.client
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from localcloud.kubernetes.errors import ApiError, not_rehearsed
from localcloud.kubernetes.kubelet.kubelet import Kubelet
from localcloud.kubernetes.routing import Request, Target
from localcloud.kubernetes.storage import Object
from localcloud.kubernetes.verbs import Verbs

_PATH = re.compile(r"/api/v1/namespaces/([^/]+)/(pods|services)/([^/]+)/proxy(/.*)?")
#: Seconds that the process may take, as for the API server's other requests.
_TIMEOUT = 30


@dataclass(frozen=True)
class Passed:
    """What the process answered."""

    code: int
    content_type: str
    data: bytes


class Proxy:
    """Passes requests on."""

    def __init__(self, verbs: Verbs, kubelet: Kubelet) -> None:
        self._verbs, self._kubelet = verbs, kubelet

    def target(self, path: str) -> Target | None:
        """The Pod or Service that a proxy path is of; None for any other path."""
        found = _PATH.fullmatch(path)
        kind = self._verbs.kinds.find("", "v1", found[2]) if found else None
        if found is None or kind is None:
            return None
        # A name may have a scheme before it and a port behind it: https:api:8080.
        parts = found[3].split(":")
        return Target(kind, found[1], parts[1] if len(parts) == 3 else parts[0], "proxy")

    async def forward(self, request: Request, target: Target) -> Passed:
        """The process's answer.

        Raises:
            ApiError: 404 for no such Pod or Service, 501 where no process stands behind it, 503 for a port
                that it does not have and a process that does not answer.
        """
        found = _PATH.fullmatch(request.path)
        assert found is not None
        port = found[3].removeprefix("https:").removeprefix("http:").partition(":")[2]
        obj = self._verbs.get(target.kind, target.namespace, target.name)
        pods = [obj] if target.kind.plural == "pods" else self._behind(obj, port)
        address = next((a for a in map(self._kubelet.address_of, pods) if a), None)
        if address is None:
            why = "no process runs behind it, only simulated Pods, if any"
            raise not_rehearsed(f"proxy to {target.kind.plural}/{target.name}", why)
        query = f"?{urlencode(request.query)}" if request.query else ""
        try:
            return await asyncio.to_thread(_ask, address, request, (found[4] or "/") + query)
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(503, "ServiceUnavailable", f"error trying to reach service: {error}") from error

    def _behind(self, service: Object, port: str) -> list[Object]:
        """The Service's Pods."""
        spec, name = service["spec"], service["metadata"]["name"]
        known = {str(p[key]) for p in spec.get("ports", ()) for key in ("port", "name") if key in p}
        if port and port not in known:
            raise ApiError(503, "ServiceUnavailable", f'no service port "{port}" found for service "{name}"')
        selector = spec.get("selector") or {}
        return [
            pod
            for pod in self._verbs.store.list("pods", service["metadata"]["namespace"])
            if selector and selector.items() <= (pod["metadata"].get("labels") or {}).items()
        ]


def _ask(address: tuple[str, int], request: Request, path: str) -> Passed:
    connection = http.client.HTTPConnection(*address, timeout=_TIMEOUT)
    try:
        headers = {k: v for k, v in request.headers.items() if k in ("accept", "content-type")}
        connection.request(request.method, path, request.body or None, headers)
        answer = connection.getresponse()
        return Passed(answer.status, answer.headers.get("content-type", "text/plain"), answer.read())
    finally:
        connection.close()
