"""ResourceQuotas: their status says what the namespace uses."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.kubernetes.quota import CLAIMS, RESOURCE, Quotas
from localcloud.kubernetes.storage import Change, Key
from localcloud.kubernetes.verbs import Verbs

#: Objects whose use may change while they live.
_CHANGING = ("pods", "services", CLAIMS)


class QuotaStatus:
    """The ResourceQuota controller."""

    def __init__(self, verbs: Verbs) -> None:
        self._verbs, self._quotas = verbs, Quotas(verbs.store)

    def keys(self, change: Change) -> Iterable[Key]:
        """Changed quotas, and those of the namespace in which something comes, goes or changes its use."""
        if change.resource == RESOURCE and not change.deleted:
            yield change.key
        if change.old is None or change.deleted or change.resource in _CHANGING:
            namespace = change.key[0]
            if namespace:
                for quota in self._verbs.store.list(RESOURCE, namespace):
                    yield namespace, quota["metadata"]["name"]

    def reconcile(self, key: Key) -> float | None:
        """Count anew."""
        quota = self._verbs.store.get(RESOURCE, *key)
        if quota is not None:
            used = {name: str(amount) for name, amount in self._quotas.used(quota).items()}
            status = {"hard": quota["spec"].get("hard", {}), "used": used}
            self._verbs.set_status(RESOURCE, quota, status)
        return None
