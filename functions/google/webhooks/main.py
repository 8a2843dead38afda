"""Cloud Function: takes a partner's webhook, verifies who sent it, and puts it on the topic `webhooks`.

Trigger: HTTP, POST of JSON. Environment: `TOPIC` (full name), `WEBHOOK_SECRET` (what senders sign with;
without it nothing is accepted). The signature is `X-Signature-256: sha256=<HMAC of the body>`, as GitHub's.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

import functions_framework

#: The largest body that is taken, in bytes.
LARGEST = 256 * 1024


def signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether the signature is the body's under the secret; false where there is no secret."""
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(wanted, signature)


def attributes(headers: Any) -> dict[str, str]:
    """What of the headers goes with the message: which kind of event, and the sender's own id of it."""
    names = {"type": "X-Event-Type", "delivery": "X-Delivery-Id"}
    return {key: headers[name][:256] for key, name in names.items() if name in headers}


@functions_framework.http
def webhook(request: Any) -> tuple[str, int]:
    """Entry point: 202 once the message is published; 401 for an unknown sender, 413 for too much."""
    from google.cloud import pubsub_v1

    body = request.get_data()
    if len(body) > LARGEST:
        return "too large\n", 413
    if not signed(body, request.headers.get("X-Signature-256", ""), os.environ.get("WEBHOOK_SECRET", "")):
        return "unknown sender\n", 401
    publisher = pubsub_v1.PublisherClient()
    publisher.publish(os.environ["TOPIC"], body, **attributes(request.headers)).result(timeout=20)
    return "accepted\n", 202
