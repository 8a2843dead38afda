"""Who a caller is: a name and groups, of a token that the rehearsal issued or of a ServiceAccount's."""

from __future__ import annotations

import datetime
import time
import uuid
from dataclasses import dataclass
from typing import Any

from localcloud.kubernetes import errors
from localcloud.kubernetes.signing import SigningKey
from localcloud.kubernetes.storage import Object, Store

MASTERS, AUTHENTICATED = "system:masters", "system:authenticated"
ACCOUNT = "system:serviceaccount:"
AUDIENCE = "https://kubernetes.default.svc"
#: What TokenRequest allows (kubernetes.io/docs/reference, read November 2026).
SHORTEST_TOKEN, DEFAULT_TOKEN = 600, 3600


@dataclass(frozen=True)
class User:
    """A caller."""

    name: str
    groups: tuple[str, ...] = (AUTHENTICATED,)

    @property
    def info(self) -> Object:
        """As reviews print it."""
        return {"username": self.name, "groups": list(self.groups)}


def administrator(name: str) -> User:
    """A caller who may do everything: whom the cloud's own record of the cluster names."""
    return User(name, (MASTERS, AUTHENTICATED))


#: What a token can be bound to, by kind.
_BINDABLE = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}


def account_user(namespace: str, name: str) -> User:
    """A ServiceAccount as a caller."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"{ACCOUNT}{namespace}:{name}", groups)


def named(name: str, groups: tuple[str, ...] = ()) -> User:
    """A user that a review or an impersonation names; a ServiceAccount's name brings its groups."""
    parts = name.removeprefix(ACCOUNT).split(":")
    if name.startswith(ACCOUNT) and len(parts) == 2 and not groups:
        return account_user(*parts)
    return User(name, tuple(dict.fromkeys((*groups, AUTHENTICATED))))


class AccountTokens:
    """Issues and checks ServiceAccounts' tokens: JWTs with the claims of Kubernetes' own, signed RS256."""

    def __init__(self, store: Store, key: SigningKey) -> None:
        self._store, self.key = store, key

    def issue(self, account: Object, body: Any) -> Object:
        """The answer to a TokenRequest: the request with a status that holds the token.

        Raises:
            ApiError: 422 for a lifetime below ten minutes; 400, 404 or 409 for an object that it cannot be
                bound to.
        """
        spec = dict((body or {}).get("spec") or {})
        seconds = spec.setdefault("expirationSeconds", DEFAULT_TOKEN)
        spec["audiences"] = spec.get("audiences") or [AUDIENCE]
        metadata = account["metadata"]
        if seconds < SHORTEST_TOKEN:
            text = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            cause = ("spec.expirationSeconds", "FieldValueInvalid", text)
            raise errors.invalid("TokenRequest", "authentication.k8s.io", metadata["name"], [cause])
        bound = self._bound(metadata, spec.get("boundObjectRef"))
        now = int(time.time())
        user = account_user(metadata["namespace"], metadata["name"])
        claims = {
            "aud": spec["audiences"],
            "exp": now + seconds,
            "iat": now,
            "nbf": now,
            "iss": AUDIENCE,
            "jti": str(uuid.uuid4()),
            "sub": user.name,
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
                **bound,
            },
        }
        until = datetime.datetime.fromtimestamp(now + seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "spec": spec,
            "status": {"token": self.key.sign(claims), "expirationTimestamp": until},
        }

    def _bound(self, account: Object, reference: Object | None) -> Object:
        """Claims of the object with which a token ends."""
        if not reference:
            return {}
        kind, name = str(reference.get("kind", "")), str(reference.get("name", ""))
        if kind not in _BINDABLE:
            raise errors.bad_request(f"cannot bind token to object of type {kind}")
        resource = _BINDABLE[kind]
        found = self._find(resource, account["namespace"], name)
        if found is None:
            raise errors.not_found(resource, name)
        if kind == "Pod" and found["spec"].get("serviceAccountName") != account["name"]:
            raise errors.bad_request(
                f'cannot bind token for serviceaccount "{account["name"]}" to pod running with different '
                "serviceaccount name."
            )
        uid = found["metadata"]["uid"]
        if reference.get("uid") not in (None, "", uid):
            raise errors.conflict(
                resource,
                name,
                f"the UID in the bound object reference ({reference['uid']}) does not match the UID in "
                "record. The object might have been deleted and then recreated",
            )
        return {kind.lower(): {"name": name, "uid": uid}}

    def _find(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._store.get(resource, "" if resource == "nodes" else namespace, name)

    def _gone(self, bound: Object) -> bool:
        """Whether the object that a token is bound to is there no more."""
        for kind, resource in _BINDABLE.items():
            if held := bound.get(kind.lower()):
                found = self._find(resource, bound["namespace"], held["name"])
                if found is None or found["metadata"]["uid"] != held["uid"]:
                    return True
        return False

    def user(self, token: str) -> User | None:
        """Whose token it is; None for one that is not ours, has ended, or whose account has gone."""
        claims = self.key.claims(token)
        if claims is None:
            return None
        bound = claims["kubernetes.io"]
        account = self._store.get("serviceaccounts", bound["namespace"], bound["serviceaccount"]["name"])
        if account is None or account["metadata"]["uid"] != bound["serviceaccount"]["uid"]:
            return None
        if self._gone(bound) or claims["exp"] <= time.time() or AUDIENCE not in claims["aud"]:
            return None
        return account_user(bound["namespace"], bound["serviceaccount"]["name"])
