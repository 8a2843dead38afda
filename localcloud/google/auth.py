"""Who is let in: the one service account that was issued for this state directory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localcloud.google.hooks import Refusal

if TYPE_CHECKING:
    from localcloud.credentials import LocalCredentials

#: Google's grant type for a JWT signed with a service account's key (RFC 7523).
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

#: Seconds that a token is said to be valid, as Google's are.
LIFETIME = 3600


@dataclass(frozen=True)
class Identity:
    """The service account, what verifies its signature, and the token it is given.

    Attributes:
        project: its project.
        email: its name.
        public_key: PEM.
        token: what every request must bear.
    """

    project: str
    email: str
    public_key: bytes = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def of(cls, credentials: LocalCredentials) -> Identity:
        """The Google identity of a state directory."""
        return cls(
            credentials.google_project,
            credentials.google_email,
            credentials.google_public_key().encode(),
            credentials.google_access_token,
        )


class GrantRefused(Exception):
    """The token endpoint's refusal, in OAuth's shape (RFC 6749, 5.2).

    Args:
        error: `invalid_grant` or `unsupported_grant_type`.
        description: for people.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.answer = {"error": error, "error_description": description}


def grant(identity: Identity, form: dict[str, str]) -> dict[str, Any]:
    """The token endpoint's answer to a JWT bearer grant.

    Raises:
        GrantRefused: the assertion isn't one, is of somebody else, has expired, or its signature is wrong.
    """
    from google.auth import jwt
    from google.auth.exceptions import GoogleAuthError

    if form.get("grant_type") != JWT_BEARER:
        raise GrantRefused("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
    try:
        claims = jwt.decode(form.get("assertion", ""), certs=identity.public_key)
    except (ValueError, GoogleAuthError) as error:
        raise GrantRefused("invalid_grant", "Invalid JWT Signature.") from error
    if claims.get("iss") != identity.email:
        raise GrantRefused("invalid_grant", "Invalid grant: account not found")
    if claims.get("exp", 0) < time.time():
        raise GrantRefused("invalid_grant", "Invalid JWT: Token must be a short-lived token.")
    return {"access_token": identity.token, "expires_in": LIFETIME, "token_type": "Bearer"}


def require_bearer(identity: Identity, authorization: str) -> None:
    """Let the request in.

    Raises:
        Refusal: 401, no token or not the one issued.
    """
    if authorization != f"Bearer {identity.token}":
        raise Refusal(
            401,
            "Request had invalid authentication credentials. Expected OAuth 2 access token.",
        )
