"""HTTP APIs that answer: a request becomes an invocation, its result a response (payload format 2.0)."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from localcloud.aws.services.delivery import require_permission
from localcloud.aws.services.functions import Lambda
from localcloud.aws.services.metrics import put
from localcloud.aws.wire import Answer, AwsError

#: Where an API answers on this endpoint: `/_rehearsal/execute-api/API_ID/...`, standing for
#: `https://API_ID.execute-api.REGION.amazonaws.com/...`.
PREFIX = "/_rehearsal/execute-api/"


@dataclass(frozen=True)
class HttpApis:
    """Requests to the HTTP APIs that moto keeps.

    Attributes:
        endpoint: this endpoint's address.
        functions: what runs behind the integrations.
    """

    account_id: str
    endpoint: str
    functions: Lambda

    def install(self) -> None:
        """Make each API show the address where it answers."""
        from moto.apigatewayv2.models import Api

        Api.api_endpoint = property(
            lambda api: f"{self.endpoint}{PREFIX}{api.api_id}", lambda api, value: None
        )

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request as API Gateway would; what is wrong with the set-up is a 404 or 500."""
        identifier, _, rest = path.removeprefix(PREFIX).partition("/")
        region, api = self._api(identifier)
        if api is None:
            return _said(404, "Not Found")
        began, path = time.monotonic(), f"/{rest}"
        answer = self._preflight(api, method, headers) or self._routed(
            region, api, method, path, query, headers, body
        )
        self._measure(region, identifier, answer.status, (time.monotonic() - began) * 1000)
        allowed = (api.cors_configuration or {}).get("allowOrigins", [])
        origin = headers.get("origin", "")
        if origin and (origin in allowed or "*" in allowed):
            answer.headers["access-control-allow-origin"] = origin
        return answer

    def _api(self, identifier: str) -> tuple[str, Any]:
        from moto.apigatewayv2.models import apigatewayv2_backends

        for region, backend in list(apigatewayv2_backends[self.account_id].items()):
            if identifier in backend.apis:
                return region, backend.apis[identifier]
        return "", None

    def _preflight(self, api: Any, method: str, headers: Mapping[str, str]) -> Answer | None:
        cors = api.cors_configuration
        if method != "OPTIONS" or not cors or "access-control-request-method" not in headers:
            return None
        shown = {
            "access-control-allow-methods": ",".join(cors.get("allowMethods", [])),
            "access-control-allow-headers": ",".join(cors.get("allowHeaders", [])),
            "access-control-max-age": str(cors.get("maxAge", 0)),
        }
        return Answer(204, shown, b"")

    def _routed(
        self,
        region: str,
        api: Any,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Answer:
        stage, path = _stage(api, path)
        found = _route(api, method, path) if stage else None
        if found is None:
            return _said(404, "Not Found")
        route, parameters = found
        integration = api.integrations.get(str(route.target or "").removeprefix("integrations/"))
        if integration is None or integration.integration_type != "AWS_PROXY":
            return _said(500, "Internal Server Error")
        event = _event(region, self.account_id, api, stage, route.route_key, parameters)
        event |= _request(method, path, query, headers, body)
        event["requestContext"]["http"] = _http(method, path, headers)
        source = f"arn:aws:execute-api:{region}:{self.account_id}:{api.api_id}/{stage}/{route.route_key}"
        try:
            function = self.functions.found(region, integration.integration_uri)
            require_permission(function, "apigateway.amazonaws.com", source)
        except AwsError:
            return _said(500, "Internal Server Error")
        outcome = self.functions.invoke(function, event)
        return _said(500, "Internal Server Error") if outcome.failed else _response(outcome.payload)

    def _measure(self, region: str, identifier: str, status: int, milliseconds: float) -> None:
        values = {"Count": 1.0, "Latency": milliseconds, "4xx": 0.0, "5xx": 0.0}
        if status >= 400:
            values["4xx" if status < 500 else "5xx"] = 1.0
        put(self.account_id, region, "AWS/ApiGateway", {"ApiId": identifier}, **values)


def _said(status: int, message: str) -> Answer:
    return Answer.json({"message": message}, status)


def _stage(api: Any, path: str) -> tuple[str, str]:
    """The stage that a path names, and the rest of the path; `$default` has no part of the path."""
    first, _, rest = path.lstrip("/").partition("/")
    if first in api.stages:
        return first, f"/{rest}"
    return ("$default", path) if "$default" in api.stages else ("", path)


def _route(api: Any, method: str, path: str) -> tuple[Any, dict[str, str]] | None:
    """The most specific route, and its path's parameters (API Gateway guide, "Routing API requests")."""
    best: tuple[tuple[int, int, int], Any, dict[str, str]] | None = None
    for route in api.routes.values():
        if route.route_key == "$default":
            rank, parameters = (0, 0, 0), {}
        else:
            verb, _, template = str(route.route_key).partition(" ")
            match = re.fullmatch(_pattern(template), path)
            if match is None or verb not in (method, "ANY"):
                continue
            rank = (1 if "+}" in template else 2, -template.count("{"), 1 if verb == method else 0)
            parameters = match.groupdict()
        if best is None or rank > best[0]:
            best = rank, route, parameters
    return (best[1], best[2]) if best else None


def _pattern(template: str) -> str:
    pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(template))
    return re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)


def _event(
    region: str, account_id: str, api: Any, stage: str, key: str, parameters: dict[str, str]
) -> dict[str, Any]:
    now = datetime.now(UTC)
    context = {
        "accountId": account_id,
        "apiId": api.api_id,
        "domainName": f"{api.api_id}.execute-api.{region}.amazonaws.com",
        "requestId": str(uuid.uuid4()),
        "routeKey": key,
        "stage": stage,
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }
    event: dict[str, Any] = {"version": "2.0", "routeKey": key, "requestContext": context}
    return {**event, "pathParameters": parameters} if parameters else event


def _request(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    request: dict[str, Any] = {"rawPath": path, "rawQueryString": query, "headers": dict(headers)}
    values: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        values[key] = f"{values[key]},{value}" if key in values else value
    if values:
        request["queryStringParameters"] = values
    try:
        request |= {"body": body.decode(), "isBase64Encoded": False} if body else {"isBase64Encoded": False}
    except UnicodeDecodeError:
        request |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return request


def _http(method: str, path: str, headers: Mapping[str, str]) -> dict[str, str]:
    return {
        "method": method,
        "path": path,
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": headers.get("user-agent", ""),
    }


def _response(payload: str) -> Answer:
    """The function's result; one without `statusCode` is a JSON body by itself."""
    result = json.loads(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        return Answer.json(result)
    body = result.get("body") or ""
    raw = base64.b64decode(body) if result.get("isBase64Encoded") else str(body).encode()
    headers = {str(key).lower(): str(value) for key, value in (result.get("headers") or {}).items()}
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    return Answer(int(result["statusCode"]), headers, raw)
