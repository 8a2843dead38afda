"""The Cloud Control API, generic over the published resource schemas.

Answers, error codes and messages are those of the API's reference and of real answers (user guide "Resource
operations", API model 2021-09-30; messages as seen in public issue reports; read November 2026).
"""

from __future__ import annotations

import copy
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import jsonpatch
from botocore.exceptions import BotoCoreError, ClientError

from dreamnet.errors import ConfigurationError, GameplanError
from dreamnet.resources.aws.schemas import ResourceSchema, resource_schema
from dreamnet.resources.aws.validation import schema_problems
from localcloud.aws.faults import Faults
from localcloud.aws.outputs import invented_outputs, named, without
from localcloud.aws.store import Made, Request, Store
from localcloud.aws.types import Clients, HandlerError, TypeHandler
from localcloud.aws.wire import Answer, AwsError, Call

_LOG = logging.getLogger(__name__)
_PAGE = 100

#: The shortest time that an operation takes, in seconds: nothing in a cloud is done when the call returns.
_SHORTEST = (0.05, 0.2)


@dataclass(frozen=True)
class CloudControl:
    """The API's eight operations.

    Attributes:
        store: what was made.
        account_id: in ARNs.
        handlers: what stands behind a type, by its name; other types are simulated.
        clients: boto3 clients of a region, pointed at this very endpoint.
        changed: called after every change.
        faults: what was asked to go wrong.
    """

    store: Store
    account_id: str
    handlers: Mapping[str, TypeHandler]
    clients: Callable[[str], Clients]
    changed: Callable[[], None]
    pool: ThreadPoolExecutor
    faults: Faults = field(default_factory=Faults)

    def answer(self, call: Call) -> Answer:
        """Dispatch one call."""
        operations: dict[str, Callable[[Call, dict[str, Any]], dict[str, Any]]] = {
            "CreateResource": self._create,
            "GetResource": self._get,
            "ListResources": self._list,
            "UpdateResource": self._update,
            "DeleteResource": self._delete,
            "GetResourceRequestStatus": self._status,
            "ListResourceRequests": self._list_requests,
            "CancelResourceRequest": self._cancel,
        }
        if call.operation not in operations:
            raise AwsError("UnknownOperationException", f"Unknown operation {call.operation}.")
        answer = Answer.json(
            operations[call.operation](call, call.json()), content_type="application/x-amz-json-1.0"
        )
        return answer

    # -- reading ------------------------------------------------------------------------------------------

    def _get(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        schema = self._schema(call, given_, "read")
        made = self._existing(call, schema, given_["Identifier"])
        live = self._read(made)
        if live is None:
            raise _not_found(made.type_name, made.identifier)
        return {"TypeName": made.type_name, "ResourceDescription": _description(schema, made, live)}

    def _list(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        schema = self._schema(call, given_, "list")
        model = json.loads(given_.get("ResourceModel") or "{}")
        missing = [name for name in schema.list_needs if not model.get(name)]
        if missing:
            raise AwsError("InvalidRequestException", f"Missing or invalid ResourceModel property: {missing}")
        found = [
            made
            for made in self.store.all(call.region, schema.type_name)
            if all(made.properties.get(name) == model[name] for name in schema.list_needs)
        ]
        start = int(given_.get("NextToken") or 0)
        page = found[start : start + int(given_.get("MaxResults") or _PAGE)]
        answer: dict[str, Any] = {
            "TypeName": schema.type_name,
            "ResourceDescriptions": [_description(schema, made, made.properties) for made in page],
        }
        if start + len(page) < len(found):
            answer["NextToken"] = str(start + len(page))
        return answer

    def _read(self, made: Made) -> dict[str, Any] | None:
        """The properties with what the service says now laid over; None where it has gone."""
        handler = self.handlers.get(made.type_name)
        if handler is None:
            return made.properties
        try:
            overlay = handler.read(self.clients(made.region), made.properties)
        except ClientError as error:
            if _handler_code(error) == "NotFound":
                overlay = None
            else:
                raise AwsError("GeneralServiceException", str(error)) from error
        if overlay is None:  # deleted through the service's own API
            self.store.remove(made)
            self.changed()
            return None
        together = {**made.properties, **overlay}
        return {name: value for name, value in together.items() if value is not None}

    # -- changing -----------------------------------------------------------------------------------------

    def _create(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        schema = self._schema(call, given_, "create")
        request, fresh = self._request(call, given_, "CREATE")
        if not fresh:
            return {"ProgressEvent": request.event()}
        desired = _parse(given_["DesiredState"])
        self._validate(call, schema, desired)
        named(schema, desired)
        identifier = schema.identifier_of(desired)
        request.identifier = identifier or ""
        self._start(call, schema, request, lambda: self._do_create(call, schema, request, desired))
        return {"ProgressEvent": request.event()}

    def _do_create(
        self, call: Call, schema: ResourceSchema, request: Request, desired: dict[str, Any]
    ) -> None:
        identifier = schema.identifier_of(desired)
        if identifier and self.store.get(call.region, schema.type_name, identifier):
            raise HandlerError(
                "AlreadyExists",
                f"Resource of type '{schema.type_name}' with identifier '{identifier}' already exists.",
            )
        handler = self.handlers.get(schema.type_name)
        properties = copy.deepcopy(desired)
        if handler is not None:
            properties |= handler.create(self.clients(call.region), copy.deepcopy(desired))
        properties = invented_outputs(schema, properties, call.region, self.account_id)
        found = schema.identifier_of(properties)
        if found is None:
            raise HandlerError("InternalFailure", f"no {schema.identifier} came out of creating it")
        request.identifier = found
        backing = handler.backing if handler else "simulated"
        self.store.put(Made(schema.type_name, call.region, found, properties, backing))

    def _update(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        schema = self._schema(call, given_, "update")
        request, fresh = self._request(call, given_, "UPDATE")
        if not fresh:
            return {"ProgressEvent": request.event()}
        made = self._existing(call, schema, given_["Identifier"])
        before = without(self._read(made) or {}, schema.write_only)
        desired = _patched(before, given_["PatchDocument"])
        _refuse_fixed(schema, before, desired)
        self._validate(call, schema, without(desired, schema.read_only))
        request.identifier = made.identifier
        self._start(call, schema, request, lambda: self._do_update(call, schema, made, before, desired))
        return {"ProgressEvent": request.event()}

    def _do_update(
        self, call: Call, schema: ResourceSchema, made: Made, before: dict[str, Any], desired: dict[str, Any]
    ) -> None:
        handler = self.handlers.get(made.type_name)
        properties = copy.deepcopy(desired)
        if handler is not None:
            properties |= handler.update(self.clients(call.region), before, copy.deepcopy(desired))
        kept = {key: value for key, value in made.properties.items() if key in schema.write_only}
        self.store.put(
            Made(made.type_name, made.region, made.identifier, {**kept, **properties}, made.backing)
        )

    def _delete(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        schema = self._schema(call, given_, "delete")
        request, fresh = self._request(call, given_, "DELETE")
        if not fresh:
            return {"ProgressEvent": request.event()}
        made = self._existing(call, schema, given_["Identifier"])
        request.identifier = made.identifier
        self._start(call, schema, request, lambda: self._do_delete(call, made))
        return {"ProgressEvent": request.event()}

    def _do_delete(self, call: Call, made: Made) -> None:
        handler = self.handlers.get(made.type_name)
        if handler is not None:
            try:
                handler.delete(self.clients(call.region), copy.deepcopy(made.properties))
            except ClientError as error:
                if _handler_code(error) != "NotFound":
                    raise
        self.store.remove(made)

    # -- requests -----------------------------------------------------------------------------------------

    def _request(self, call: Call, given_: dict[str, Any], operation: str) -> tuple[Request, bool]:
        """The request under this client token, and whether it is a new one."""
        token = str(given_.get("ClientToken") or "")
        content = json.dumps({k: v for k, v in given_.items() if k != "ClientToken"}, sort_keys=True)
        fingerprint = f"{call.region} {operation} {content}"
        known = self.store.known(token) if token else None
        if known is None:
            return Request(str(given_["TypeName"]), call.region, operation, fingerprint, token), True
        if known.fingerprint != fingerprint:
            raise AwsError(
                "ClientTokenConflictException", f"Client token {token} was used for another request."
            )
        return known, False

    def _start(self, call: Call, schema: ResourceSchema, request: Request, work: Callable[[], None]) -> None:
        claimed = request.identifier or request.token
        if not self.store.claim(call.region, schema.type_name, claimed):
            raise AwsError(
                "ConcurrentOperationException", "Another operation on this resource is in progress."
            )
        self.store.add(request)
        self.changed()
        self.pool.submit(self._work, call, request, claimed, work)

    def _work(self, call: Call, request: Request, claimed: str, work: Callable[[], None]) -> None:
        started = time.monotonic()
        status, code, message = "SUCCESS", "", ""
        fault = self.faults.due(call, request.type_name, request=True)
        try:
            if fault is None or fault.made or not fault.code:
                work()
            if fault is not None:
                time.sleep(fault.seconds)
                if fault.code:
                    raise HandlerError(fault.code, fault.message)
        except HandlerError as error:
            status, code, message = "FAILED", error.code, error.message
        except ClientError as error:
            status, code, message = "FAILED", _handler_code(error), str(error)
        except (GameplanError, BotoCoreError, OSError, KeyError, ValueError, TypeError) as error:
            _LOG.exception("%s %s", request.operation, request.type_name)
            status, code, message = "FAILED", "InternalFailure", f"{type(error).__name__}: {error}"
        # What has no engine behind it would be done in no time, which no cloud is.
        time.sleep(max(0.0, random.uniform(*_SHORTEST) - (time.monotonic() - started)))
        self.store.release(call.region, request.type_name, claimed)
        request.end(status, code, message)
        self.changed()

    def _status(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        return {"ProgressEvent": self._known(given_).event()}

    def _list_requests(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        wanted = given_.get("ResourceRequestStatusFilter") or {}
        events = [
            request.event() for request in self.store.requests.values() if request.region == call.region
        ]
        events = [e for e in events if e["Operation"] in wanted.get("Operations", [e["Operation"]])]
        statuses = wanted.get("OperationStatuses")
        events = [e for e in events if not statuses or e["OperationStatus"] in statuses]
        start, size = int(given_.get("NextToken") or 0), int(given_.get("MaxResults") or 20)
        answer: dict[str, Any] = {"ResourceRequestStatusSummaries": events[::-1][start : start + size]}
        if start + size < len(events):
            answer["NextToken"] = str(start + size)
        return answer

    def _cancel(self, call: Call, given_: dict[str, Any]) -> dict[str, Any]:
        self._known(given_)
        raise AwsError.not_in_rehearsal("cloudcontrolapi", "CancelResourceRequest")

    def _known(self, given_: dict[str, Any]) -> Request:
        request = self.store.requests.get(str(given_.get("RequestToken")))
        if request is None:
            raise AwsError(
                "RequestTokenNotFoundException", f"Request token {given_.get('RequestToken')} not found."
            )
        return request

    # -- checks -------------------------------------------------------------------------------------------

    def _schema(self, call: Call, given_: dict[str, Any], handler: str) -> ResourceSchema:
        name = str(given_.get("TypeName", ""))
        try:
            schema = resource_schema(name, call.region)
        except ConfigurationError as error:
            raise AwsError("TypeNotFoundException", f"The type '{name}' cannot be found.") from error
        if handler not in schema.handlers:
            raise AwsError(
                "UnsupportedActionException",
                f"Resource type {name} does not support {handler.upper()} action",
            )
        return schema

    def _existing(self, call: Call, schema: ResourceSchema, identifier: str) -> Made:
        made = self.store.get(call.region, schema.type_name, _plain(schema, identifier))
        if made is None:
            raise _not_found(schema.type_name, identifier)
        return made

    def _validate(self, call: Call, schema: ResourceSchema, desired: dict[str, Any]) -> None:
        problems = list(schema_problems(schema, call.region, desired, references=False))
        if problems:
            text = "\n".join(f"#{path}: {message}" for path, message in problems)
            raise AwsError("ValidationException", f"Model validation failed ({text})")


def _parse(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise AwsError("InvalidRequestException", f"DesiredState is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise AwsError("InvalidRequestException", "DesiredState is not a JSON object")
    return parsed


def _patched(before: dict[str, Any], patch: str) -> dict[str, Any]:
    try:
        patched: dict[str, Any] = jsonpatch.apply_patch(copy.deepcopy(before), patch)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, ValueError) as error:
        raise AwsError("ValidationException", f"Invalid patch document: {error}") from error
    return patched


def _refuse_fixed(schema: ResourceSchema, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Create-only properties may not change, nor may outputs."""
    for paths, name in (
        (schema.create_only, "createOnlyProperties"),
        (schema.read_only, "readOnlyProperties"),
    ):
        changed = [path for path in paths if _values(before, path) != _values(after, path)]
        if changed:
            listed = ", ".join(f"/properties/{path}" for path in changed)
            raise AwsError(
                "NotUpdatableException", f"Invalid patch update: {name} [{listed}] cannot be updated"
            )


def _values(properties: Mapping[str, Any], path: str) -> Any:
    found: Any = properties
    for part in path.split("/"):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _plain(schema: ResourceSchema, identifier: str) -> str:
    """An identifier given as JSON in its plain form."""
    if identifier.startswith("{"):
        return schema.identifier_of(_parse(identifier)) or identifier
    return identifier


def _description(schema: ResourceSchema, made: Made, live: Mapping[str, Any]) -> dict[str, Any]:
    shown = without(live, schema.write_only)
    return {"Identifier": made.identifier, "Properties": json.dumps(shown, default=str)}


def _not_found(type_name: str, identifier: str) -> AwsError:
    return AwsError(
        "ResourceNotFoundException",
        f"Resource of type '{type_name}' with identifier '{identifier}' was not found.",
    )


def _handler_code(error: ClientError) -> str:
    """A service's refusal as a handler error code."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    lowered = code.lower()
    if (
        "already" in lowered
        or lowered.startswith("resourceexists")
        or code
        in (
            "ResourceInUseException",
            "BucketAlreadyOwnedByYou",
            "InvalidGroup.Duplicate",
        )
    ):
        return "AlreadyExists"
    if "notfound" in lowered or "nosuch" in lowered or "nonexistent" in lowered or code == "404":
        return "NotFound"
    if "throttl" in lowered:
        return "Throttling"
    if "conflict" in lowered or "dependencyviolation" in lowered or "invaliddbinstancestate" in lowered:
        return "ResourceConflict"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return "InvalidRequest" if status < 500 or code == "NotInRehearsal" else "ServiceInternalError"
