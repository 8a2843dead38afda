"""One Kubernetes cluster as the gameplan uses it: calls through the official client, errors one can act on.

Objects travel as plain JSON: manifests are data, and the client's typed models would refuse kinds they don't
know. Transport, TLS and authentication are the official client's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import urllib3
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from dreamnet.errors import CredentialsError, GameplanError, ResourceError, UnreachableError
from dreamnet.kubernetes.refusals import (
    GRANT,
    Cloud,
    Conflict,
    Forbidden,
    NotFound,
    TokenRefused,
    describe_path,
    refusal,
    refused_twice,
)

#: What stands here, and the errors that calls raise.
__all__ = [
    "APPLY_PATCH",
    "CONNECT_TIMEOUT",
    "FIELD_MANAGER",
    "JSON",
    "MERGE_PATCH",
    "READ_TIMEOUT",
    "Cloud",
    "Cluster",
    "Conflict",
    "Forbidden",
    "Kind",
    "NotFound",
    "Object",
    "TokenRefused",
    "describe_path",
    "each_cluster",
]

Object = dict[str, Any]
Result = TypeVar("Result")

#: Who owns the fields that we apply (server-side apply keeps one owner list per manager).
FIELD_MANAGER = "dreamnet-gameplan"
#: Who owns an HTTPRoute's rules while a canary gets a share of its requests.
CANARY_MANAGER = "dreamnet-canary"

#: Seconds to connect, and to wait for an answer.
CONNECT_TIMEOUT, READ_TIMEOUT = 5, 30

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
#: Discovery in two answers instead of one per group and version (apidiscovery.k8s.io, stable since 1.30).
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Kind:
    """How one kind is reached: its plural name in URLs, and whether it lives in a namespace."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection, an object or its subresource (API concepts, "Resource URIs")."""
        root = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


@dataclass(frozen=True)
class Cluster:
    """A cluster that can be called.

    Attributes:
        name: as its cloud knows it.
        cloud: whose it is.
        region: GKE: the cluster's location (a region, or a zone where it is zonal); EKS: the region.
        client: the official client, which holds address, CA and a token that it renews. Never printed.
        forget_token: makes the client ask for a new token, where it can get one.
    """

    name: str
    cloud: Cloud
    region: str
    client: ApiClient = field(repr=False, compare=False)
    forget_token: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    _kinds: dict[str, dict[str, Kind]] = field(default_factory=dict, repr=False, compare=False)
    _lock: Any = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def key(self) -> str:
        """Unique over both clouds, where clusters may share a name: `gke/us-central1-a/dreamnet`."""
        return f"{'gke' if self.cloud == 'google' else 'eks'}/{self.region}/{self.name}"

    def __str__(self) -> str:
        return f"{self.name} ({'GKE' if self.cloud == 'google' else 'EKS'}, {self.region})"

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> tuple[int, Object]:
        """One request; where the token is refused, one more with a new token.

        Returns:
            HTTP status and decoded body.

        Raises:
            CredentialsError: the token was refused (401).
            Forbidden: it may not do this (403).
            UnreachableError: no answer, or one that our CA does not vouch for.
            NotFound, Conflict: 404, 409.
            NotRehearsable: 501.
            ResourceError: any other refusal.
        """
        try:
            return self._call(method, path, query, body, content_type, accept)
        except TokenRefused as refused:
            if self.forget_token is None:
                raise
            self.forget_token()
            try:
                return self._call(method, path, query, body, content_type, accept)
            except CredentialsError as again:
                if isinstance(again, Forbidden):
                    raise
                raise refused_twice(refused, again) from None

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        accept: str,
    ) -> tuple[int, Object]:
        verb, url, headers, _, _ = self.client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": content_type},
            auth_settings=["BearerToken"],
        )
        try:
            answer = self.client.call_api(
                verb, url, headers, body, _request_timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
            )
            content: bytes = answer.read()  # type: ignore[no-untyped-call]
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        except ApiException as error:  # the client turns a failed TLS handshake into this, with status 0
            raise self._unreachable(error) from None
        decoded = _decode(content)
        if answer.status >= 400:
            raise refusal(str(self), self.cloud, method, path, answer.status, decoded)
        return answer.status, decoded

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """GET; raises as `call`."""
        return self.call("GET", path, query=query)[1]

    def find(self, path: str) -> Object | None:
        """GET, or None where there is no such object."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def items(self, path: str, selector: str | None = None) -> list[Object]:
        """Every object of a collection, page after page, optionally only those with these labels."""
        found: list[Object] = []
        query = {"limit": "500"} | ({"labelSelector": selector} if selector else {})
        while True:
            page = self.get(path, query)
            found += page.get("items") or []
            more = page.get("metadata", {}).get("continue")
            if not more:
                return found
            query["continue"] = more

    def merge(self, path: str, patch: Object) -> Object:
        """JSON merge patch (RFC 7386) as our field manager."""
        query = {"fieldManager": FIELD_MANAGER}
        return self.call("PATCH", path, query=query, body=patch, content_type=MERGE_PATCH)[1]

    def kind(self, api_version: str, kind: str) -> Kind:
        """Where a kind is served, from the cluster's own discovery (read once per API version).

        Raises:
            NotFound: the cluster doesn't serve this kind.
        """
        with self._lock:
            known = self._kinds.get(api_version)
            if known is None or kind not in known:
                known = self._kinds[api_version] = self._discover(api_version)
        if kind not in known:
            raise NotFound(
                f"Cluster {self} serves no {kind} in {api_version}.",
                "Apply the CustomResourceDefinition that brings it, or correct apiVersion and kind.",
            )
        return known[kind]

    def kinds(self) -> list[Kind]:
        """Every kind that can be listed and deleted here, each in the version its group prefers."""
        found: dict[tuple[str, str], Kind] = {}
        for root in ("/api", "/apis"):
            listing = self.call("GET", root, accept=_DISCOVERY)[1]
            for group in listing.get("items") or []:
                name = group["metadata"].get("name")
                for version in group.get("versions", []):
                    api_version = f"{name}/{version['version']}" if name else str(version["version"])
                    for entry in version.get("resources", []):
                        if not {"list", "delete"} <= set(entry.get("verbs", [])):
                            continue
                        kind = entry["responseKind"]["kind"]
                        namespaced = entry["scope"] == "Namespaced"
                        made = Kind(api_version, kind, entry["resource"], namespaced)
                        found.setdefault((str(name), kind), made)
        return list(found.values())

    def path_of(self, manifest: Mapping[str, Any]) -> str:
        """The URL path of the object that a manifest describes."""
        metadata = manifest["metadata"]
        kind = self.kind(manifest["apiVersion"], manifest["kind"])
        return kind.path(metadata.get("namespace", "default"), metadata["name"])

    def check(self) -> str:
        """Ask the cluster for its version, and whether we may change Deployments everywhere.

        Returns:
            The version, such as `v1.35.2`.

        Raises:
            CredentialsError: the token was refused, or may not create Deployments.
            UnreachableError: nothing answers.
        """
        version = str(self.get("/version").get("gitVersion", "unknown"))
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"group": "apps", "resource": "deployments", "verb": "patch"}},
        }
        answer = self.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)[1]
        if not answer.get("status", {}).get("allowed"):
            raise CredentialsError(
                f"Cluster {self} accepts the token, but it may not change Deployments.",
                GRANT[self.cloud],
            )
        return version

    def _discover(self, api_version: str) -> dict[str, Kind]:
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        listing = self.find(root) or {}
        return {
            entry["kind"]: Kind(api_version, entry["kind"], entry["name"], bool(entry["namespaced"]))
            for entry in listing.get("resources", [])
            if "/" not in entry["name"]  # subresources
        }

    def _unreachable(self, error: Exception) -> UnreachableError:
        host = self.client.configuration.host
        text = str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text or isinstance(error, ApiException):
            return UnreachableError(
                f"Cluster {self} at {host} shows a certificate that its own CA did not sign.",
                "Read the cluster's address and CA again; if it stays so, something stands between.",
            )
        return UnreachableError(
            f"Cluster {self} does not answer at {host}.",
            "Check that it runs and that its authorized networks let this machine in.",
        )


def each_cluster(
    clusters: Sequence[Cluster], action: Callable[[Cluster], Result], max_parallel: int = 4
) -> dict[str, Result]:
    """Do something on several clusters at once.

    Every cluster is tried, also when another fails.

    Returns:
        What `action` returned, by the clusters' keys, in their order.

    Raises:
        GameplanError: the one failure; or, of several, a ResourceError that names each. Both say where it is
            done.
    """
    if not clusters:
        return {}
    with ThreadPoolExecutor(max_workers=min(max_parallel, len(clusters))) as pool:
        futures = {cluster.key: pool.submit(action, cluster) for cluster in clusters}
    failures: list[GameplanError] = []
    results: dict[str, Result] = {}
    for name, future in futures.items():
        try:
            results[name] = future.result()
        except GameplanError as error:
            failures.append(error)
    done = f" Done on {', '.join(results)}." if failures and results else ""
    if len(failures) == 1:
        failures[0].extend(failures[0].problem + done)
        raise failures[0]
    if failures:
        raise ResourceError(
            " ".join(error.problem for error in failures) + done,
            " ".join(dict.fromkeys(error.remedy for error in failures)),
        )
    return results


def _decode(content: bytes) -> Object:
    try:
        decoded = json.loads(content or b"{}")
    except ValueError:  # a proxy's or load balancer's page
        return {"message": "an answer that is not JSON"}
    return decoded if isinstance(decoded, dict) else {"items": decoded}
