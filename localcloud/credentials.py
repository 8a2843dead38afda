"""The identities of a rehearsal: random, made once per state directory, worth nothing anywhere else.

They are of the same kinds as real ones (a service account with an RSA key, an AWS access key), because the
production code must exchange, sign and be refused exactly as it would be by the clouds.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from localcloud.state import read_json, write_json

#: The project that the gameplan names.
GOOGLE_PROJECT = "dreamnet-62b49"
GOOGLE_PROJECT_NUMBER = "628490062490"
GOOGLE_BILLING_ACCOUNT = "0A1B2C-3D4E5F-607182"
_UPPER_AND_DIGITS = string.ascii_uppercase + string.digits
_KEY_CHARACTERS = string.ascii_letters + string.digits + "/+"


@dataclass(frozen=True)
class LocalCredentials:
    """What the local clouds accept, and nothing else.

    Attributes:
        google_project: project id.
        google_email: the service account's address.
        google_private_key_id, google_private_key: the service account's RSA key, PEM (PKCS #8).
        google_access_token: the one bearer token that the local Google and its Kubernetes accept.
        aws_account_id: twelve digits.
        aws_access_key_id, aws_secret_access_key: the one pair that the local AWS accepts.
    """

    google_project: str
    google_email: str
    google_private_key_id: str
    google_private_key: str = field(repr=False)
    google_access_token: str = field(repr=False)
    aws_account_id: str
    aws_access_key_id: str
    aws_secret_access_key: str = field(repr=False)

    def service_account(self, token_uri: str) -> dict[str, str]:
        """The service account's key file, as Google's console would hand it out.

        Args:
            token_uri: where its signed assertion becomes an access token: the local Google's `/token`.
        """
        return {
            "type": "service_account",
            "project_id": self.google_project,
            "private_key_id": self.google_private_key_id,
            "private_key": self.google_private_key,
            "client_email": self.google_email,
            "client_id": str(int(self.google_private_key_id[:15], 16)),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }

    def google_public_key(self) -> str:
        """The public half of the service account's key (PEM), to verify assertions with."""
        from cryptography.hazmat.primitives import serialization

        private = serialization.load_pem_private_key(self.google_private_key.encode(), password=None)
        return (
            private.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    def endpoints(self, token_uri: str) -> dict[str, Any]:
        """The `credentials` part of endpoints.json."""
        return {
            "google": {
                "project": self.google_project,
                "project_number": GOOGLE_PROJECT_NUMBER,
                "billing_account": GOOGLE_BILLING_ACCOUNT,
                "service_account": self.service_account(token_uri),
            },
            "aws": {
                "account_id": self.aws_account_id,
                "access_key_id": self.aws_access_key_id,
                "secret_access_key": self.aws_secret_access_key,
            },
        }


def load_or_make(path: Path) -> LocalCredentials:
    """The credentials in `path`; makes and stores them when the file is absent. The caller holds the lock."""
    stored = read_json(path)
    if stored:
        return LocalCredentials(**stored)
    made = _make()
    write_json(path, asdict(made))
    return made


def _make() -> LocalCredentials:
    return LocalCredentials(
        google_project=GOOGLE_PROJECT,
        google_email=f"gameplan@{GOOGLE_PROJECT}.iam.gserviceaccount.com",
        google_private_key_id=secrets.token_hex(20),
        google_private_key=_rsa_key(),
        google_access_token=f"ya29.rehearsal-{secrets.token_urlsafe(32)}",
        aws_account_id="".join(secrets.choice(string.digits[1:]) for _ in range(12)),
        aws_access_key_id="AKIA" + "".join(secrets.choice(_UPPER_AND_DIGITS) for _ in range(16)),
        aws_secret_access_key="".join(secrets.choice(_KEY_CHARACTERS) for _ in range(40)),
    )


def _rsa_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
