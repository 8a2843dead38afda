"""One request as hooks see it, and the server that they all share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet.resources.google.discovery import Api, Collection, Method
from localcloud.google.faults import Faults
from localcloud.google.hooks import Hook, Refusal
from localcloud.google.store import Store, Stored

if TYPE_CHECKING:
    from localcloud.engines import Engines
    from localcloud.google.auth import Identity
    from localcloud.google.operations import Operations
    from localcloud.state import State


@dataclass
class Context:
    """What every request and hook may use.

    Attributes:
        state: the state directory.
        engines: real servers.
        store: resources and operations.
        operations: starts and looks up long-running operations.
        identity: the one service account that is let in, its project and token.
        base_url: this server's root, without a slash at its end.
        hooks: by `<api>/<collection>`.
        faults: what was asked to go wrong.
    """

    state: State
    engines: Engines
    store: Store
    identity: Identity
    base_url: str
    hooks: Mapping[str, Hook]
    operations: Operations = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock)
    faults: Faults = field(default_factory=Faults)

    @property
    def project(self) -> str:
        """The one project there is."""
        return self.identity.project

    def hook(self, type_name: str) -> Hook:
        """The hook of a collection (`<api>/<collection>`), or the one that adds nothing."""
        return self.hooks.get(type_name) or Hook()

    def url(self, api: Api, path: str) -> str:
        """The self link of a path (without version) of an API."""
        version = "" if api.service_path else f"{api.version}/"
        return f"{self.base_url}/{api.name}/{api.service_path}{version}{path}"


@dataclass
class Call:
    """One request.

    Attributes:
        context: the server.
        api, method: of the discovery document.
        path: below the service path and version, such as `projects/p/topics/t:publish`.
        variables: the values in the path, by the names of the method's flat path.
        query: the query's parameters.
        body: the request's JSON; {} for none.
    """

    context: Context
    api: Api
    method: Method
    path: str
    variables: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]

    @property
    def collection(self) -> Collection:
        """The method's collection."""
        return self.api.collection(self.method.collection)

    @property
    def hook(self) -> Hook:
        """The collection's hook."""
        return self.context.hook(self.collection.key)

    @property
    def item_path(self) -> str:
        """The path of the resource that the method is about, without a verb behind it."""
        depth = self.collection.full_name_depth
        parts = self.path.split("/")[:depth]
        if ":" in self.method.template and len(self.path.split("/")) == depth:
            parts[-1] = parts[-1].rsplit(":", 1)[0]
        return "/".join(parts)

    def key(self, path: str) -> str:
        """The store's key of a path of this API."""
        return f"{self.api.name}/{path}"

    def resource(self) -> Stored:
        """The resource that the method is about.

        Raises:
            Refusal: 404.
        """
        found = self.context.store.get(self.key(self.item_path))
        if found is None:
            raise Refusal(404, f"Resource '{self.item_path}' was not found.")
        return found

    def sibling(self, path: str, api: str = "") -> Stored | None:
        """Another resource by its path, of this API unless another is named."""
        return self.context.store.get(f"{api or self.api.name}/{path}")

    def required(self, path: str, api: str = "") -> Stored:
        """Another resource by its path.

        Raises:
            Refusal: 404.
        """
        found = self.sibling(path, api)
        if found is None:
            raise Refusal(404, f"Resource '{path}' was not found.")
        return found

    def operation(
        self, resource: Stored, work: Callable[[Stored], None], *, verb: str = "", seconds: float = 0.0
    ) -> dict[str, Any]:
        """Answer with an operation; `work` changes the resource in a thread of its own.

        Args:
            resource: what it works on; `work` gets a fresh copy, which is stored when it returns.
            verb: the operation's type, by default the method's name.
            seconds: how long it takes at least.
        """
        return self.context.operations.start(self, resource, work, verb=verb, seconds=seconds)
