"""Calls from the control-plane server to the engine that keeps the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from localcloud.google.hooks import Refusal

if TYPE_CHECKING:
    from localcloud.google.calls import Context


def root(context: Context, engine: str) -> str:
    """The engine's URL.

    Raises:
        Refusal: 503, it was not started.
    """
    endpoint = context.engines.get(engine)
    if endpoint is None:
        raise Refusal(503, f"The engine {engine} is not running in this rehearsal.")
    return f"http://{endpoint.host}:{endpoint.port}"


def send(context: Context, engine: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One JSON request to the engine; its refusals are passed on.

    Raises:
        Refusal: what the engine answered, or 503 where it did not.
    """
    try:
        answer = httpx.request(method, f"{root(context, engine)}{path}", json=body, timeout=60)
    except httpx.TransportError as error:
        raise Refusal(503, f"The engine {engine} does not answer: {error}") from error
    if answer.is_error:
        raise Refusal(answer.status_code, _message(answer))
    return answer.json() if answer.content else {}


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]
