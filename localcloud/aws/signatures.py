"""Who is calling: Signature Version 4, checked against the one key pair with botocore's own code."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.aws.wire import AwsError

#: How AWS calls an unknown key, by protocol family (Common Errors of IAM, DynamoDB and S3).
_UNKNOWN_KEY = {
    "query": "InvalidClientTokenId",
    "ec2": "AuthFailure",
    "s3": "InvalidAccessKeyId",
    "rest-xml": "InvalidClientTokenId",
}


@dataclass(frozen=True)
class Scope:
    """What a signature says about itself: whose key, when, where and for which service."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed: tuple[str, ...]
    signature: str = field(repr=False)
    timestamp: str = ""
    presigned: bool = False


def scope_of(headers: Mapping[str, str], query: str) -> Scope | None:
    """The scope of a signed request, from its header or its presigned query; None where it is unsigned."""
    header = headers.get("authorization", "")
    if header.startswith("AWS4-HMAC-SHA256 "):
        parts = dict(
            part.strip().partition("=")[::2] for part in header.removeprefix("AWS4-HMAC-SHA256 ").split(",")
        )
        return _scope(parts, headers.get("x-amz-date", ""), presigned=False)
    values = dict(parse_qsl(query, keep_blank_values=True))
    if "X-Amz-Credential" not in values:
        return None
    parts = {name.removeprefix("X-Amz-"): value for name, value in values.items()}
    return _scope(parts, values.get("X-Amz-Date", ""), presigned=True)


def _scope(parts: Mapping[str, str], timestamp: str, *, presigned: bool) -> Scope | None:
    pieces = parts.get("Credential", "").split("/")
    if len(pieces) != 5:
        return None
    key, date, region, service, _ = pieces
    signed = tuple(parts.get("SignedHeaders", "").split(";"))
    return Scope(key, date, region, service.lower(), signed, parts.get("Signature", ""), timestamp, presigned)


@dataclass(frozen=True)
class KeyPair:
    """The one key pair that is accepted."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    def check(
        self,
        scope: Scope,
        protocol: str,
        method: str,
        raw_path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """Refuse any other key, and a signature that this key's secret does not make.

        Raises:
            AwsError: with the code that the call's protocol uses.
        """
        if scope.access_key_id != self.access_key_id:
            code = _UNKNOWN_KEY.get(protocol, "UnrecognizedClientException")
            raise AwsError(code, "The security token included in the request is invalid.", 403)
        if scope.presigned:
            _check_expiry(scope, query)
        request = _request(scope, method, raw_path, query, headers, body)
        signer = self._signer(scope)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        if not hmac.compare_digest(signer.signature(text, request), scope.signature):
            code = "SignatureDoesNotMatch" if protocol in _UNKNOWN_KEY else "InvalidSignatureException"
            raise AwsError(
                code, "The request signature we calculated does not match the signature you provided.", 403
            )

    def _signer(self, scope: Scope) -> Any:
        kind = S3SigV4Auth if scope.service == "s3" else SigV4Auth
        if scope.service == "s3" and scope.presigned:
            kind = _PresignedS3
        return kind(Credentials(self.access_key_id, self.secret_access_key), scope.service, scope.region)


class _PresignedS3(S3SigV4Auth):
    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


def _request(
    scope: Scope, method: str, raw_path: str, query: str, headers: Mapping[str, str], body: bytes
) -> AWSRequest:
    """The request as the caller signed it: the signed headers and no others."""
    pairs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "X-Amz-Signature"]
    text = f"?{urlencode(pairs)}" if pairs else ""
    url = f"http://{headers.get('host', '')}{raw_path}{text}"
    signed = {name: headers.get(name, "") for name in scope.signed if name}
    if "x-amz-content-sha256" in headers:
        signed["x-amz-content-sha256"] = headers["x-amz-content-sha256"]
    request = AWSRequest(method=method, url=url, headers=signed, data=body)
    request.context["timestamp"] = scope.timestamp
    request.context["signing"] = {}
    return request


def _check_expiry(scope: Scope, query: str) -> None:
    seconds = int(dict(parse_qsl(query)).get("X-Amz-Expires", "0"))
    made = datetime.strptime(scope.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if (datetime.now(UTC) - made).total_seconds() > seconds:
        raise AwsError("AccessDenied", "Request has expired", 403)
