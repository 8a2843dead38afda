"""Services whose things are records that are kept and shown, with tags by ARN."""

from __future__ import annotations

from typing import Any

from localcloud.aws.services.modelled import Given, Modelled, Operation, tags_of
from localcloud.aws.store import Store
from localcloud.aws.types import tag_list
from localcloud.aws.wire import AwsError, Call


class Kept(Modelled):
    """One service's records. Subclasses give the operations.

    Attributes:
        missing: the error code for what is not there.
        worldwide: the records belong to no region.
    """

    missing = "ResourceNotFoundException"
    worldwide = False

    def __init__(self, service: str, store: Store, account_id: str) -> None:
        self._store = store
        self.account_id = account_id
        super().__init__(service, self.table())

    def table(self) -> dict[str, Operation]:
        """The operations by name."""
        raise NotImplementedError

    def shelf(self, call: Call, kind: str) -> dict[str, Any]:
        """The records of a kind."""
        region = "global" if self.worldwide else call.region
        return self._store.shelf(f"{call.service}/{kind}", region)

    def found(self, call: Call, kind: str, key: str) -> dict[str, Any]:
        """One record.

        Raises:
            AwsError: there is none.
        """
        record: dict[str, Any] | None = self.shelf(call, kind).get(key)
        if record is None:
            raise AwsError(self.missing, f"{key} does not exist.", 400 if call.protocol == "json" else 404)
        return record

    def new(self, call: Call, kind: str, key: str, record: dict[str, Any], code: str) -> dict[str, Any]:
        """Keep a new record.

        Raises:
            AwsError: with this code, where there is one already.
        """
        shelf = self.shelf(call, kind)
        if key in shelf:
            raise AwsError(code, f"{key} exists already.", 400 if call.protocol == "json" else 409)
        shelf[key] = record
        return record

    def tags(self, call: Call, arn: str) -> dict[str, str]:
        """The tags of an ARN, to read or change."""
        tags: dict[str, str] = self.shelf(call, "tags").setdefault(arn, {})
        return tags

    def tagging(
        self, arn: str = "ResourceArn", tags: str = "Tags", keys: str = "TagKeys", *, as_map: bool = False
    ) -> dict[str, Operation]:
        """TagResource, UntagResource and ListTagsForResource, by the service's names of their parameters."""

        def tag(call: Call, given: Given) -> Given:
            self.tags(call, given[arn]).update(given[tags] if as_map else tags_of(given[tags]))
            return {}

        def untag(call: Call, given: Given) -> Given:
            for key in given[keys]:
                self.tags(call, given[arn]).pop(key, None)
            return {}

        def listed(call: Call, given: Given) -> Given:
            found = self.tags(call, given[arn])
            return {tags: dict(found) if as_map else tag_list(found)}

        return {"TagResource": tag, "UntagResource": untag, "ListTagsForResource": listed}
