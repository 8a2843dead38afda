"""Who is calling: a bearer token that the rehearsal issued, or 401."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

from localcloud.kubernetes.errors import ApiError
from localcloud.kubernetes.users import AccountTokens, User, administrator

#: How long EKS accepts a presigned token (docs.aws.amazon.com/eks, read November 2026).
EKS_TOKEN_SECONDS = 15 * 60
EKS_PREFIX = "k8s-aws-v1."


@dataclass(frozen=True)
class Keys:
    """What tokens are checked against."""

    cluster: str
    cloud: str
    admin_token: str = field(repr=False)
    google_token: str = field(repr=False)
    google_email: str
    aws_account_id: str
    aws_access_key_id: str
    aws_secret: str = field(repr=False)


class Authenticator:
    """Turns an Authorization header into a user: an administrator of the cloud's, or a ServiceAccount."""

    def __init__(self, keys: Keys, accounts: AccountTokens) -> None:
        self._keys, self._accounts = keys, accounts
        self._verified: dict[str, float] = {}

    def user(self, authorization: str, rehearsal: bool = False) -> User:
        """The caller.

        Args:
            rehearsal: for ``/_rehearsal`` paths, which the cloud's own API calls with the Google token.

        Raises:
            ApiError: 401.
        """
        scheme, _, token = authorization.partition(" ")
        keys = self._keys
        if scheme.lower() == "bearer" and token:
            if hmac.compare_digest(token.encode(), keys.admin_token.encode()):
                return administrator("kubernetes-admin")
            google = keys.cloud == "google" or rehearsal
            if google and hmac.compare_digest(token.encode(), keys.google_token.encode()):
                return administrator(keys.google_email)
            if keys.cloud == "aws" and token.startswith(EKS_PREFIX) and self._eks(token):
                return administrator(f"arn:aws:iam::{keys.aws_account_id}:user/rehearsal")
            account = self._accounts.user(token)
            if account is not None:
                return account
        raise ApiError(401, "Unauthorized", "Unauthorized")

    def _eks(self, token: str) -> bool:
        now = datetime.datetime.now(datetime.UTC).timestamp()
        if self._verified.get(token, 0) > now:
            return True
        expires = self._verify_eks(token, now)
        if expires <= now:
            return False
        self._verified = {t: e for t, e in self._verified.items() if e > now} | {token: expires}
        return True

    def _verify_eks(self, token: str, now: float) -> float:
        """When the token ends; 0 for one that is no presigned GetCallerIdentity signed with our key."""
        encoded = token.removeprefix(EKS_PREFIX)
        try:
            url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            key_id, day, region, service, _ = query["X-Amz-Credential"].split("/")
            signed = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(
                tzinfo=datetime.UTC
            )
            signature, names = query.pop("X-Amz-Signature"), query["X-Amz-SignedHeaders"].split(";")
        except (binascii.Error, ValueError, KeyError):
            return 0
        if (
            key_id != self._keys.aws_access_key_id
            or query.get("Action") != "GetCallerIdentity"
            or service != "sts"
        ):
            return 0
        headers = {"host": url.netloc, "x-k8s-aws-id": self._keys.cluster}
        if "x-k8s-aws-id" not in names or not set(names) <= headers.keys():
            return 0
        canonical = "\n".join(
            [
                "GET",
                url.path or "/",
                "&".join(
                    f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(query.items())
                ),
                *(f"{name}:{headers[name]}" for name in names),
                "",
                ";".join(names),
                hashlib.sha256(b"").hexdigest(),
            ]
        )
        scope = f"{day}/{region}/{service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
        secret = ("AWS4" + self._keys.aws_secret).encode()
        for part in (day, region, service, "aws4_request"):
            secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
        expected = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature):
            return 0
        return signed.timestamp() + EKS_TOKEN_SECONDS
