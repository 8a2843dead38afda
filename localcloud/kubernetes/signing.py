"""The key pair that signs ServiceAccounts' tokens, and what the server tells others about it (OpenID)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

Json = dict[str, Any]
ALGORITHM = "RS256"


def encode(data: bytes) -> str:
    """Base64 as tokens have it: for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of such text."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SigningKey:
    """An RSA key, made when the first token is signed and kept in a file (0600): tokens outlive a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @cached_property
    def _key(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        if not self._file.exists():
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            text = made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            new = self._file.with_suffix(".new")
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(text)
            new.replace(self._file)
        key = serialization.load_pem_private_key(self._file.read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    @cached_property
    def public(self) -> Json:
        """The public key as a JSON Web Key; its id is a digest of it, as Kubernetes names its own."""
        from cryptography.hazmat.primitives import serialization

        key = self._key.public_key()
        numbers = key.public_numbers()
        written = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": encode(hashlib.sha256(written).digest()),
            "alg": ALGORITHM,
            "n": encode(modulus),
            "e": encode(numbers.e.to_bytes(3)),
        }

    def sign(self, claims: Json) -> str:
        """A JSON Web Token."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        header = {"alg": ALGORITHM, "kid": self.public["kid"]}
        signed = f"{encode(orjson.dumps(header))}.{encode(orjson.dumps(claims))}"
        return f"{signed}.{encode(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def claims(self, token: str) -> Json | None:
        """What a token of ours says; None for any other."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        signed, _, signature = token.rpartition(".")
        try:
            header = orjson.loads(decode(signed.partition(".")[0]))
            if header.get("alg") != ALGORITHM or header.get("kid") != self.public["kid"]:
                return None
            self._key.public_key().verify(
                decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            claims: Json = orjson.loads(decode(signed.partition(".")[2]))
        except (InvalidSignature, binascii.Error, ValueError, AttributeError):
            return None
        return claims


def openid_configuration(issuer: str, server: str) -> Json:
    """``/.well-known/openid-configuration``: where others find the keys that check the tokens."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{server}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
