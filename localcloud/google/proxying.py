"""Requests that another local server answers."""

from __future__ import annotations

import re
from collections.abc import Iterable

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from localcloud.google.calls import Context
from localcloud.google.hooks import Proxy, Refusal

#: Headers of one connection (RFC 9110, 7.6.1), and those that are about us rather than the other server.
NOT_FORWARDED = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "authorization"}
)


def find(proxies: Iterable[Proxy], path: str) -> Proxy | None:
    """The proxy whose pattern matches the longest start of the path, or None."""
    matches = [(found.end(), proxy) for proxy in proxies if (found := re.match(proxy.pattern, path))]
    return max(matches, key=lambda one: one[0])[1] if matches else None


async def forward(
    proxy: Proxy, context: Context, client: httpx.AsyncClient, request: Request, path: str
) -> Response:
    """Send the request on and stream the answer back.

    Raises:
        Refusal: 503, the other server doesn't answer.
    """
    query = request.url.query
    target = f"{proxy.target(context).rstrip('/')}/{path.removeprefix(proxy.strip)}"
    headers = [(key, value) for key, value in request.headers.items() if key not in NOT_FORWARDED]
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    sent = client.build_request(
        request.method,
        f"{target}?{query}" if query else target,
        headers=headers,
        content=request.stream() if has_body else None,
    )
    try:
        answer = await client.send(sent, stream=True)
    except httpx.TransportError as error:
        raise Refusal(
            503, f"The local server behind {proxy.strip or path} does not answer: {error}"
        ) from error
    kept = {key: value for key, value in answer.headers.items() if key.lower() not in NOT_FORWARDED}
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers={**kept, "X-Rehearsal": "engine"},
        background=BackgroundTask(answer.aclose),
    )
