"""Which resource, object and subresource a path means, and what its query asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from localcloud.kubernetes.errors import bad_request, no_such_path
from localcloud.kubernetes.kinds import Kind, Kinds
from localcloud.kubernetes.users import User
from localcloud.kubernetes.verbs import WriteOptions

#: Who has not been asked yet.
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Target:
    """A parsed path; ``name`` empty for a collection, ``namespace`` empty for all."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


@dataclass
class Request:
    """One HTTP request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    user: User = ANONYMOUS
    warnings: list[str] = field(default_factory=list)

    @property
    def content_type(self) -> str:
        """Media type of the body, without parameters."""
        return self.headers.get("content-type", "application/json").partition(";")[0].strip()

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        return self.query.get(name, "").lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """A whole-number query parameter.

        Raises:
            ApiError: 400.
        """
        text = self.query.get(name, "")
        if not text:
            return None
        if not text.isdigit():
            raise bad_request(f"invalid {name}: {text!r}")
        return int(text)

    @property
    def write_options(self) -> WriteOptions:
        """Options of a create, update or patch."""
        strictness = self.query.get("fieldValidation") or "Warn"
        if strictness not in ("Strict", "Warn", "Ignore"):
            raise bad_request(f'fieldValidation: Unsupported value: "{strictness}"')
        dry_run = self.query.get("dryRun", "")
        if dry_run not in ("", "All"):
            raise bad_request(f'dryRun: Unsupported value: "{dry_run}": supported values: "All"')
        agent = self.headers.get("user-agent", "unknown").partition("/")[0]
        manager = self.query.get("fieldManager") or agent or "unknown"
        return WriteOptions(manager, bool(dry_run), strictness, self.flag("force"))


def parse_query(raw: bytes) -> dict[str, str]:
    """Query parameters; the last one wins."""
    return dict(parse_qsl(raw.decode(), keep_blank_values=True))


def watch_path(request: Request, path: str) -> str:
    """The path of what is watched, for the deprecated ``/api/v1/watch/...``; others as they are.

    The request becomes a watch of that collection, of one object where the path ends with a name.
    """
    parts = path.split("/")
    at = 3 if parts[1] == "api" else 4
    if len(parts) <= at + 1 or parts[at] != "watch" or request.method != "GET":
        return path
    scope, rest = parts[:at], parts[at + 1 :]
    if rest[0] == "namespaces" and len(rest) > 2:
        scope, rest = scope + rest[:2], rest[2:]
    request.query["watch"] = "true"
    if len(rest) > 1:
        request.query["fieldSelector"] = f"metadata.name={rest[1]}"
    return "/".join([*scope, rest[0]])


def parse_target(path: str, kinds: Kinds) -> Target:
    """The resource that ``/api/v1/...`` or ``/apis/group/version/...`` names.

    Raises:
        ApiError: 404.
    """
    parts = [p for p in path.split("/") if p]
    group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
    namespace = ""
    if rest and rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0]) if rest else None
    if kind is None or len(rest) > 3 or (namespace and not kind.namespaced):
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    if kind.namespaced and name and not namespace:
        raise no_such_path()
    return Target(kind, namespace, name, rest[2] if len(rest) > 2 else "")
