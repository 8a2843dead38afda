"""Any resource of any Google API, handled as its discovery document says.

Day-2 operations (stop, resume, promote, resize) aren't here: they call the services' own verbs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dreamnet.clouds import google_rest
from dreamnet.clouds.google import GoogleAccount
from dreamnet.clouds.google_rest import Refused
from dreamnet.errors import ConfigurationError, ResourceError
from dreamnet.resources.google import checks, compare, iam, irregular, requests, waiting
from dreamnet.resources.google.conventions import SET_APART, STATE_OF_RUNS
from dreamnet.resources.google.discovery import Collection, load_type
from dreamnet.resources.google.requests import Request
from dreamnet.resources.model import OWNER_LABEL, Change, Live, Problem, Progress, Resource
from dreamnet.resources.once import Once

#: Seconds for which a refusal because of another operation on the same thing is tried again.
PATIENCE = 900.0

#: Seconds that a new resource of an eventually consistent service may take to be found.
APPEARANCE = 60.0

#: What Google says when it works on the same thing already (GKE, Cloud SQL, compute; their error references).
_BUSY_REASONS = frozenset(
    {"ABORTED", "operationInProgress", "resourceNotReady", "resourceInUseByAnotherOperation"}
)
_BUSY_WORDS = ("another operation", "incompatible operation", "operation in progress", "is not ready")


class GoogleDriver:
    """The driver of `dreamnet.resources.model.Driver` for Google.

    Args:
        account: whose resources; None is enough for `validate` and `diff`.
        once: what answers were asked for already, for a driver that remembers them.
    """

    def __init__(self, account: GoogleAccount | None = None, once: Once | None = None) -> None:
        self._account = account
        self._once = once
        self._members = iam.Members(self._call, once)

    def remembering(self) -> GoogleDriver:
        """The same driver, which asks for each listing and each policy once."""
        return GoogleDriver(self._account, Once())

    def validate(self, resource: Resource) -> list[Problem]:
        """Check the declaration against the discovery document, without any call."""
        return list(checks.problems(resource))

    def read(self, resource: Resource) -> Live | None:
        """The live resource, or None."""
        if iam.is_member(resource.type):
            return self._members.read(resource)
        collection = load_type(resource.type)
        if collection.id_place[0] == "server":
            return self._find(collection, resource)
        return self._live(collection, resource, self._get(collection, resource))

    def diff(self, resource: Resource, live: Live) -> list[Change]:
        """The declared fields that differ."""
        if iam.is_member(resource.type):
            return []  # it is there or it isn't
        fixed = frozenset(resource.options.get("create_only", ()))
        return list(compare.differences(load_type(resource.type), resource.body, live.body, fixed))

    def create(self, resource: Resource, token: str, progress: Progress) -> Live:
        """Create and wait. What exists already by that name is waited for and returned."""
        if iam.is_member(resource.type):
            return self._members.create(resource)
        collection = load_type(resource.type)
        if collection.id_place[0] == "server":
            found = self._find(collection, resource)
            if found:
                return found
        revive = irregular.REVIVALS.get(collection.key)
        revival = revive(collection, resource, self._call) if revive else None
        request = revival or requests.create(collection, resource, token)
        try:
            answer = self._patiently(
                collection, request, resource.id, lambda: self.read(resource) is not None
            )
        except Refused as refused:
            if refused.status != 409:
                raise
            progress(f"{resource.id}: exists already")
            return self._settled(collection, resource, progress)
        ended = self._wait(collection, request, answer, resource, progress)
        if collection.id_place[0] == "server":
            return self._named(collection, resource, ended, progress)
        live = self._settled(collection, resource, progress)
        completed = revival or collection.bare_create or collection.key in SET_APART
        left = self.diff(resource, live) if completed else []
        return self.update(resource, live, left, token, progress) if left else live

    def _named(
        self, collection: Collection, resource: Resource, ended: Mapping[str, Any], progress: Progress
    ) -> Live:
        """What was made under a name that the server chose: the answer, or its operation, says which."""
        body = ended.get("response", ended)
        if "name" not in body or collection.key in irregular.FINDS:
            return self._required(self._find(collection, resource), resource)
        return self._settled(collection, resource, progress, self._live(collection, resource, body))

    def update(
        self, resource: Resource, live: Live, changes: list[Change], token: str, progress: Progress
    ) -> Live:
        """Change in place and wait, one call after the other where Google takes one field a call (GKE)."""
        collection = load_type(resource.type)
        own = irregular.UPDATES.get(collection.key)
        steps = (
            own(collection, resource, live, changes)
            if own
            else [requests.update(collection, resource, live, changes, token)]
        )
        for request in steps:
            answer = self._patiently(collection, request, resource.id)
            self._wait(collection, request, answer, resource, progress)
        return self._settled(collection, resource, progress, live)

    def delete(self, resource: Resource, live: Live, token: str, progress: Progress) -> None:
        """Delete with what is inside, and wait; what is gone already is no error."""
        if iam.is_member(resource.type):
            return self._members.delete(resource)
        collection = load_type(resource.type)
        own = irregular.DELETES.get(collection.key)
        request = (
            own(collection, resource, live) if own else requests.delete(collection, resource, live, token)
        )
        request.parameters.update(irregular.DELETE_PARAMETERS.get(collection.key, {}))
        prepare = irregular.BEFORE_DELETE.get(collection.key)
        try:
            if prepare:
                prepare(resource, self._call)
            answer = self._patiently(collection, request, resource.id)
        except Refused as refused:
            if refused.status == 404:
                return
            raise
        self._wait(collection, request, answer, resource, progress)
        clean = irregular.AFTER_DELETE.get(collection.key)
        if clean:
            clean(resource, live, self._call)

    def listing(self, resource: Resource) -> str | None:
        """Type and parent."""
        if iam.is_member(resource.type):
            return None
        collection = load_type(resource.type)
        return f"{resource.type} {resource.parent}" if collection.labels and collection.list else None

    def undeclared(self, declared: Sequence[Resource], live: Mapping[str, Live | None]) -> list[Live]:
        """What carries our label under one parent, and has none of the declared names."""
        sample = declared[0]
        collection = load_type(sample.type)
        names = {one.name for one in declared}
        names |= {str(one.body["displayName"]) for one in declared if "displayName" in one.body}
        found = []
        for body in self._items(collection, sample):
            name = requests.item_name(collection, body)
            own = self._live(collection, replace(sample, name=name), body)
            if name not in names and own and own.owned:
                found.append(own)
        return found

    def look_up(self, resource: Resource, identifier: str) -> Live | None:
        """By its declared name: Google finds nothing under another."""
        live = self.read(resource)
        return live if live and live.identifier == identifier else None

    def mark(self, resource: Resource, live: Live, token: str, progress: Progress) -> Live:
        """Add our label to the live ones."""
        collection = load_type(resource.type)
        if collection.labels is None:
            raise ResourceError(f"{resource.id}: a {resource.type} carries no label.", "Leave it out.")
        before = requests.get_path(live.body, collection.labels) or {}
        bare: dict[str, Any] = {}
        requests.set_path(bare, collection.labels, {**before, OWNER_LABEL[0]: OWNER_LABEL[1]})
        change = Change(f"/{collection.labels.replace('.', '/')}", before, bare)
        labelled = resource.with_values(name=resource.name, parent=resource.parent, body=bare)
        return self.update(labelled, live, [change], token, progress)

    # What the calls above are made of.

    def _call(self, collection: Collection, request: Request, what: str) -> dict[str, Any]:
        return google_rest.call(
            self._require_account(),
            request.method.http,
            self._url(collection, request.path),
            what=what,
            parameters=request.parameters,
            body=request.body,
        )

    def _patiently(
        self,
        collection: Collection,
        request: Request,
        what: str,
        enough: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Call, and again while Google is busy with the same thing, unless `enough` says that's pointless."""
        for _ in waiting.pauses(PATIENCE):
            try:
                return self._call(collection, request, what)
            except Refused as refused:
                if not _busy(refused) or enough():
                    raise
        return self._call(collection, request, what)

    def _get(
        self, collection: Collection, resource: Resource, known: Live | None = None
    ) -> dict[str, Any] | None:
        complete = irregular.READS.get(collection.key)
        assert collection.get
        path = requests.own_path(collection, resource, known)
        request = Request(collection.get, path, requests.project_parameters(collection.get, resource))
        try:
            body = self._call(collection, request, resource.id)
            return complete(collection, resource, body, self._call) if complete else body
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def _find(self, collection: Collection, resource: Resource) -> Live | None:
        """A resource whose name the server chose, by the name that people see."""
        find = irregular.FINDS.get(collection.key)
        if find:
            return self._live(collection, resource, find(collection, resource, self._call))
        wanted = resource.body.get("displayName", resource.name)
        for one in self._items(collection, resource):
            if one.get("displayName") == wanted:
                return self._live(collection, resource, one)
        return None

    def _items(self, collection: Collection, resource: Resource) -> Iterable[dict[str, Any]]:
        """What the listing of a resource's parent holds; nothing where there is no such parent."""
        if self._once is None:
            return self._pages(collection, resource)
        question = (str(collection), resource.parent)
        return self._once.get(question, lambda: list(self._pages(collection, resource)))

    def _pages(self, collection: Collection, resource: Resource) -> Iterator[dict[str, Any]]:
        assert collection.list
        request = requests.listing(collection, collection.list, resource)
        while True:
            try:
                answer = self._call(collection, request, resource.id)
            except Refused as refused:
                if refused.status != 404:
                    raise
                return
            yield from answer.get(collection.list_field, [])
            if not answer.get("nextPageToken"):
                return
            parameters = {**request.parameters, "pageToken": answer["nextPageToken"]}
            request = replace(request, parameters=parameters)

    def _live(
        self, collection: Collection, resource: Resource, body: Mapping[str, Any] | None
    ) -> Live | None:
        if body is None:
            return None
        key, ours = OWNER_LABEL
        labels = requests.get_path(body, collection.labels) if collection.labels else {}
        owner = str((labels or {}).get(key, ""))
        identifier = (
            body.get("selfLink")
            or (body.get("name") if collection.full_names else None)
            or collection.full_name(resource.parent, resource.name)
        )
        if collection.id_place[0] == "server":
            identifier = body["name"]
        return Live(str(identifier), body, collection.labels is None or owner == ours, owner)

    def _wait(
        self,
        collection: Collection,
        request: Request,
        answer: Mapping[str, Any],
        resource: Resource,
        progress: Progress,
    ) -> Mapping[str, Any]:
        if collection.api.answer(request.method) == "plain":
            return answer

        def fetch(path: str) -> Mapping[str, Any]:
            url = self._url(collection, path)
            return google_rest.call(self._require_account(), "GET", url, what=resource.id)

        limit = float(resource.options.get("wait", waiting.LIMIT))
        return waiting.wait_for_operation(fetch, collection, answer, resource.id, progress, limit)

    def _settled(
        self, collection: Collection, resource: Resource, progress: Progress, known: Live | None = None
    ) -> Live:
        """The live resource as soon as its state says that it is ready for use."""
        said, appears = "", time.monotonic() + APPEARANCE
        limit = float(resource.options.get("wait", waiting.LIMIT))
        for _ in waiting.pauses(limit):
            live = (
                self.read(resource)
                if known is None or collection.key in irregular.FINDS
                else self._live(collection, resource, self._get(collection, resource, known))
            )
            if live is None and collection.key in irregular.SLOW_TO_APPEAR and time.monotonic() < appears:
                continue
            found = self._required(live, resource)
            state = "" if collection.key in STATE_OF_RUNS else waiting.state_of(found.body)
            if state in waiting.BROKEN:
                raise ResourceError(f"{resource.id}: Google says {state}.", "Look at it in the console.")
            if state not in waiting.PENDING:
                return found
            if state != said:
                progress(f"{resource.id}: {state.lower()}")
                said = state
        raise ResourceError(
            f"{resource.id}: still {said.lower()} after {limit:.0f} s.", "Run again when it is ready."
        )

    def _required(self, live: Live | None, resource: Resource) -> Live:
        if live is None:
            raise ResourceError(
                f"{resource.id}: Google says that it was made, but it isn't there.", "Run again."
            )
        return live

    def _url(self, collection: Collection, path: str) -> str:
        api = collection.api
        return f"{self._require_account().root(api.name, api.root)}{api.service_path}{path}"

    def _require_account(self) -> GoogleAccount:
        if self._account is None:
            raise ConfigurationError("No Google account is given.", "Name a Google block in the profile.")
        return self._account


def _busy(refused: Refused) -> bool:
    words = refused.problem.lower()
    return refused.reason in _BUSY_REASONS or any(one in words for one in _BUSY_WORDS)
