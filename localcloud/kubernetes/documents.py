"""What the server says about itself: discovery, its version, OpenAPI, and the key that checks its tokens."""

from __future__ import annotations

from localcloud.kubernetes import errors, gnostic
from localcloud.kubernetes.answers import Answer
from localcloud.kubernetes.cluster import Cluster
from localcloud.kubernetes.discovery import Discovery
from localcloud.kubernetes.openapi import OpenApi
from localcloud.kubernetes.routing import Request
from localcloud.kubernetes.signing import openid_configuration
from localcloud.kubernetes.users import AUDIENCE

_KEY_SET = "application/jwk-set+json"


class Documents:
    """Documents that are no objects, by their path."""

    def __init__(self, cluster: Cluster) -> None:
        self._options, self._accounts = cluster.options, cluster.accounts
        self._discovery = Discovery(cluster.options, cluster.kinds)
        self._openapi = OpenApi(cluster.options, self._discovery, cluster.kinds, cluster.schemas)

    def answer(self, request: Request, path: str) -> Answer:
        """The document at a path.

        Raises:
            ApiError: 404.
        """
        found = self._discovery
        aggregated = "as=APIGroupDiscoveryList" in request.headers.get("accept", "")
        parts = path.strip("/").split("/")
        if parts[0] in ("version", "openapi", "openid", ".well-known"):
            return self._describe(parts, request.headers.get("accept", ""))
        match parts:
            case ["api" | "apis"] if aggregated and "v=v2" in request.headers.get("accept", ""):
                media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
                return Answer(found.aggregated(parts == ["api"]), content_type=media)
            case ["api"]:
                return Answer(found.api_versions())
            case ["apis"]:
                return Answer(found.groups())
            case ["apis", group]:
                return Answer(found.group(group))
            case ["api", version]:
                return Answer(found.resources("", version))
            case ["apis", group, version]:
                return Answer(found.resources(group, version))
        raise errors.no_such_path()

    def _describe(self, parts: list[str], accept: str) -> Answer:
        match parts:
            case ["version"]:
                return Answer(self._discovery.version())
            case [".well-known", "openid-configuration"]:
                options = self._options
                return Answer(openid_configuration(AUDIENCE, f"https://{options.host}:{options.port}"))
            case ["openid", "v1", "jwks"]:
                return Answer({"keys": [self._accounts.key.public]}, content_type=_KEY_SET)
            case ["openapi", "v2"]:
                document = self._openapi.v2()
                if gnostic.wanted(accept):
                    return Answer(data=gnostic.encode(document), content_type=gnostic.MEDIA)
                return Answer(document)
            case ["openapi", "v3"]:
                return Answer(self._openapi.index())
            case ["openapi", "v3", "api", version]:
                return Answer(self._openapi.v3("", version))
            case ["openapi", "v3", "apis", group, version]:
                return Answer(self._openapi.v3(group, version))
        raise errors.no_such_path()
