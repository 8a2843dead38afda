"""The global load balancer's part: which endpoints stand behind each region's group, and whether they are
healthy.

Calls as in the discovery document compute v1 (November 2026).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet.errors import ResourceError
from dreamnet.failover.cloudsql import Account, execute

POLL_S = 0.25
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Group:
    """A region's network endpoint group (zonal, NON_GCP_PRIVATE_IP_PORT) and what belongs into it.

    Args:
        endpoints: (IP address, port) of the region's backend.
    """

    zone: str
    name: str
    endpoints: tuple[tuple[str, int], ...]


class LoadBalancer:
    """Attaches and detaches regions, and reads their health.

    Args:
        backend_service: name of the global backend service. groups: by region.
    """

    def __init__(
        self,
        account: Account,
        backend_service: str,
        groups: Mapping[str, Group],
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._account, self._service, self._groups, self._progress = (
            account,
            backend_service,
            groups,
            progress,
        )

    def attach(self, region: str) -> None:
        """Put the region's endpoints into its group; those in it already stay."""
        group = self._groups[region]
        missing = [one for one in group.endpoints if one not in self.attached(region)]
        self._change(group, "attachNetworkEndpoints", missing)
        self._progress(f"load balancer: {region} attached")

    def detach(self, region: str) -> None:
        """Take every endpoint out of the region's group: no request reaches it any more."""
        self._change(self._groups[region], "detachNetworkEndpoints", self.attached(region))
        self._progress(f"load balancer: {region} detached")

    def attached(self, region: str) -> list[tuple[str, int]]:
        """(IP address, port) of the endpoints in the region's group now."""
        group = self._groups[region]
        found: list[tuple[str, int]] = []
        api = self._compute().networkEndpointGroups()
        request = api.listNetworkEndpoints(**self._where(group), body={"healthStatus": "SKIP"})
        while request is not None:
            page = execute(request, f"list endpoints of {group.name}")
            for item in page.get("items", []):
                endpoint = item["networkEndpoint"]
                found.append((endpoint["ipAddress"], int(endpoint["port"])))
            request = api.listNetworkEndpoints_next(request, page)
        return found

    def healthy(self, region: str) -> bool:
        """Whether the load balancer sends requests to at least one endpoint of the region."""
        group = self._groups[region]
        reference = (
            f"https://www.googleapis.com/compute/v1/projects/{self._account.project}"
            f"/zones/{group.zone}/networkEndpointGroups/{group.name}"
        )
        request = (
            self._compute()
            .backendServices()
            .getHealth(project=self._account.project, backendService=self._service, body={"group": reference})
        )
        answer = execute(request, f"read the health of {group.name}")
        return any(one.get("healthState") == "HEALTHY" for one in answer.get("healthStatus", []))

    def _change(self, group: Group, method: str, endpoints: Sequence[tuple[str, int]]) -> None:
        if not endpoints:
            return
        body = {"networkEndpoints": [{"ipAddress": address, "port": port} for address, port in endpoints]}
        call = getattr(self._compute().networkEndpointGroups(), method)
        operation = execute(call(**self._where(group), body=body), f"{method} of {group.name}")
        deadline = time.monotonic() + TIMEOUT_S
        while operation.get("status") != "DONE":
            if time.monotonic() > deadline:
                raise ResourceError(
                    f"{method} of {group.name} is not done after {TIMEOUT_S:.0f} s.", "Look at the operation."
                )
            time.sleep(POLL_S)
            request = (
                self._compute()
                .zoneOperations()
                .get(project=self._account.project, zone=group.zone, operation=operation["name"])
            )
            operation = execute(request, f"wait for {method} of {group.name}")
        errors = (operation.get("error") or {}).get("errors") or []
        if errors:
            raise ResourceError(
                f"{method} of {group.name}: {errors[0].get('message')}", "Put it right and repeat."
            )

    def _where(self, group: Group) -> dict[str, str]:
        return {"project": self._account.project, "zone": group.zone, "networkEndpointGroup": group.name}

    def _compute(self) -> Any:
        return self._account.api("compute", "v1")
