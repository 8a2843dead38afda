"""Lambda: through its own API, behind which real processes run."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from typing import Any

from localcloud.aws.types import Clients, HandlerError, Properties, ServiceType, TypeHandler, pick, tags_map
from localcloud.aws.types.shapes import retag, shown_tags

_SECONDS = 120


def wait_for(what: str, look: Any, good: tuple[str, ...]) -> Any:
    """Ask until the status is good, as AWS's own handlers do."""
    deadline = time.monotonic() + _SECONDS
    while True:
        status, found = look()
        if status in good:
            return found
        if "FAILED" in status.upper() or time.monotonic() > deadline:
            raise HandlerError("NotStabilized", f"{what} is {status}")
        time.sleep(0.05)


# -- Lambda -----------------------------------------------------------------------------------------------


def _code(properties: Properties) -> dict[str, Any]:
    """CloudFormation's `ZipFile` is the source's text, which becomes index.py (its reference says so)."""
    code = properties["Code"]
    if "ZipFile" not in code:
        return pick(code, "S3Bucket S3Key S3ObjectVersion")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("index.py", code["ZipFile"])
    return {"ZipFile": stream.getvalue()}


_CONFIG = "Role Handler Runtime Description Timeout MemorySize Environment"


def _create_function(aws: Clients, properties: Properties) -> Properties:
    made = aws("lambda").create_function(
        FunctionName=properties["FunctionName"],
        Code=_code(properties),
        Tags=tags_map(properties),
        **pick(properties, f"{_CONFIG} Architectures PackageType"),
    )
    return {"Arn": made["FunctionArn"]}


def _read_function(aws: Clients, properties: Properties) -> Properties:
    found = aws("lambda").get_function(FunctionName=properties["FunctionName"])
    names = "Timeout MemorySize Handler Runtime Role Description Environment FunctionArn:Arn"
    return {**pick(found["Configuration"], names), **shown_tags(found.get("Tags"))}


def _update_function(aws: Clients, before: Properties, after: Properties) -> None:
    client, name = aws("lambda"), after["FunctionName"]
    if after.get("Code"):
        client.update_function_code(FunctionName=name, **_code(after))
    client.update_function_configuration(FunctionName=name, **pick(after, _CONFIG))
    retag(
        before,
        after,
        lambda tags: client.tag_resource(Resource=after["Arn"], Tags=tags),
        lambda keys: client.untag_resource(Resource=after["Arn"], TagKeys=keys),
    )


def _delete_function(aws: Clients, properties: Properties) -> None:
    aws("lambda").delete_function(FunctionName=properties["FunctionName"])


_MAPPING = "FunctionName BatchSize Enabled MaximumBatchingWindowInSeconds FunctionResponseTypes"


def _create_mapping(aws: Clients, properties: Properties) -> Properties:
    made = aws("lambda").create_event_source_mapping(**pick(properties, f"EventSourceArn {_MAPPING}"))
    arn = f"{made['FunctionArn'].rsplit(':function:', 1)[0]}:event-source-mapping:{made['UUID']}"
    return {"Id": made["UUID"], "EventSourceMappingArn": arn}


def _read_mapping(aws: Clients, properties: Properties) -> Properties:
    found = aws("lambda").get_event_source_mapping(UUID=properties["Id"])
    return pick(found, "BatchSize EventSourceArn")


def _update_mapping(aws: Clients, before: Properties, after: Properties) -> None:
    aws("lambda").update_event_source_mapping(UUID=after["Id"], **pick(after, _MAPPING))


def _delete_mapping(aws: Clients, properties: Properties) -> None:
    aws("lambda").delete_event_source_mapping(UUID=properties["Id"])


def _permit(aws: Clients, properties: Properties) -> Properties:
    statement = f"statement-{secrets.token_hex(6)}"
    aws("lambda").add_permission(
        StatementId=statement, **pick(properties, "FunctionName Action Principal SourceArn SourceAccount")
    )
    return {"Id": statement}


def _forbid(aws: Clients, properties: Properties) -> None:
    aws("lambda").remove_permission(FunctionName=properties["FunctionName"], StatementId=properties["Id"])


def _read_permission(aws: Clients, properties: Properties) -> Properties | None:
    found = aws("lambda").get_policy(FunctionName=properties["FunctionName"])
    statements = json.loads(found["Policy"])["Statement"]
    return {} if any(one.get("Sid") == properties["Id"] for one in statements) else None


TYPES: dict[str, TypeHandler] = {
    "AWS::Lambda::Function": ServiceType(
        "process", _create_function, _delete_function, _update_function, _read_function
    ),
    "AWS::Lambda::EventSourceMapping": ServiceType(
        "process", _create_mapping, _delete_mapping, _update_mapping, _read_mapping
    ),
    "AWS::Lambda::Permission": ServiceType("process", _permit, _forbid, None, _read_permission),
}
