"""CertificateSigningRequests: kept, approved and denied; nobody signs them here."""

from __future__ import annotations

from typing import Any

from localcloud.kubernetes.errors import bad_request, not_rehearsed
from localcloud.kubernetes.users import User

RESOURCE = "certificatesigningrequests.certificates.k8s.io"


def requested_by(body: Any, user: User) -> Any:
    """The request with who asks, which the server notes whatever the body says.

    Raises:
        ApiError: 400 for no object, 501 for the signers of a real cluster's controller manager.
    """
    if not isinstance(body, dict) or not isinstance(body.get("spec"), dict):
        raise bad_request("the object provided is unrecognized: it has no spec")
    signer = str(body["spec"].get("signerName", ""))
    if signer.startswith("kubernetes.io/"):
        raise not_rehearsed(f"the signer {signer}", "its API server takes tokens, no client certificates")
    return body | {"spec": body["spec"] | {"username": user.name, "groups": list(user.groups)}}
