"""Lambda that runs the code: invocations, and queues that feed functions."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from localcloud.aws.environments import Environments, Function, Outcome
from localcloud.aws.services import Next
from localcloud.aws.services.metrics import put
from localcloud.aws.signatures import KeyPair
from localcloud.aws.wire import Answer, AwsError, Call

_LOG = logging.getLogger(__name__)

#: Seconds between looks at the queues, and how often a failed asynchronous invocation is tried in all (Lambda
#: developer guide, "Asynchronous invocation": two retries; AWS waits a minute or two, we a second or two).
_POLL, _ATTEMPTS = 0.1, 3


@dataclass(frozen=True)
class Lambda:
    """Invocations of functions that moto keeps.

    Attributes:
        endpoint: this endpoint's own address, for the function's clients.
        changed: called when messages have moved.
    """

    account_id: str
    keys: KeyPair
    endpoint: str
    environments: Environments
    pool: ThreadPoolExecutor
    changed: Callable[[], None]
    stopped: threading.Event = field(default_factory=threading.Event)
    operations: frozenset[str] = frozenset(
        {"lambda:Invoke", "lambda:InvokeAsync", "lambda:CreateFunction", "lambda:UpdateFunctionCode"}
    )

    def answer(self, call: Call, moto: Next) -> Answer:
        """Invoke and wait, or accept an event."""
        if call.operation in ("CreateFunction", "UpdateFunctionCode"):
            content = call.json()
            self._check_code(content.get("Code", content))
            return moto(call)
        function = self.found(call.region, unquote(call.path.split("/")[3]))
        event = json.loads(call.body or b"{}")
        kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return Answer(204, {}, b"")
        if kind == "Event" or call.operation == "InvokeAsync":
            self.later(call.region, function.function_name, event)
            return Answer(202, {}, b"")
        outcome = self.invoke(function, event)
        headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if call.headers.get("x-amz-log-type") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log.encode()[-4096:]).decode()
        return Answer(200, headers, outcome.payload.encode())

    def install(self) -> None:
        """Put real invocations where moto would start containers, and take the queues over from it."""
        from moto.awslambda.models import LambdaFunction
        from moto.sqs.models import Queue

        def invoke(function: Any, event: Any = None) -> tuple[str, bool, str]:
            outcome = self.invoke(function, {} if event is None else event)
            return outcome.payload, outcome.failed, outcome.log

        LambdaFunction._invoke_lambda = invoke
        # moto would invoke inside SendMessage and never redeliver.
        Queue.lambda_event_source_mappings = property(lambda queue: {}, lambda queue, value: None)

    def start(self) -> None:
        """Begin to feed functions from their queues."""
        threading.Thread(target=self._feed, name="lambda-queues", daemon=True).start()

    def stop(self) -> None:
        """End the feeding and every environment."""
        self.stopped.set()
        self.environments.reap(0.0)

    def invoke(self, function: Any, event: Any) -> Outcome:
        """Run one of moto's functions."""
        began = time.monotonic()
        outcome = self.environments.invoke(self._described(function), event)
        put(
            self.account_id,
            function.region,
            "AWS/Lambda",
            {"FunctionName": function.function_name},
            Invocations=1.0,
            Errors=float(outcome.failed),
            Duration=(time.monotonic() - began) * 1000,
        )
        function.logs_backend.ensure_log_group(function.logs_group_name)
        if outcome.log:
            function.save_logs(outcome.log)
        self.changed()
        return outcome

    def later(self, region: str, name: str, event: Any) -> None:
        """Invoke in the background, again after a failure."""

        def run() -> None:
            for attempt in range(_ATTEMPTS):
                if not self.invoke(self.found(region, name), event).failed:
                    return
                self.stopped.wait(attempt + 1)
            _LOG.warning("lambda %s failed %s times on an event", name, _ATTEMPTS)

        self.pool.submit(run)

    def _check_code(self, code: dict[str, Any]) -> None:
        """moto takes a package that is not there without a word."""
        from moto.s3.models import s3_backends

        bucket, key = code.get("S3Bucket"), code.get("S3Key")
        if not bucket or not key:
            return
        found = s3_backends[self.account_id]["aws"].buckets.get(bucket)
        if found is None or key not in found.keys:
            reason = "NoSuchBucket" if found is None else "NoSuchKey"
            raise AwsError(
                "InvalidParameterValueException",
                f"Error occurred while GetObject. S3 Error Code: {reason}. S3 Error Message: {bucket}/{key}",
            )

    def found(self, region: str, name: str) -> Any:
        """moto's function by its name or ARN.

        Raises:
            AwsError: there is none.
        """
        from moto.awslambda.models import lambda_backends

        name = name.split(":function:")[-1].split(":")[0]
        backend = lambda_backends[self.account_id][region]
        for function in backend.list_functions(None):
            if function.function_name == name:
                return function
        raise AwsError("ResourceNotFoundException", f"Function not found: {name}", 404)

    def _described(self, function: Any) -> Function:
        variables = {str(k): str(v) for k, v in (function.environment_vars or {}).items()}
        region = function.region
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_access_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            **variables,
        }
        key = json.dumps(
            [function.function_arn, function.code_sha_256, function.handler, function.timeout, variables]
        )
        return Function(
            name=function.function_name,
            arn=function.function_arn,
            key=key,
            handler=function.handler,
            runtime=function.run_time or "",
            seconds=float(function.timeout),
            code=function.code_bytes,
            environment=environment,
        )

    # -- queues -------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        busy: set[str] = set()
        while not self.stopped.wait(_POLL):
            self.environments.reap()
            for region, mapping in self._mappings():
                if mapping.uuid not in busy:
                    busy.add(mapping.uuid)
                    self.pool.submit(self._drain, region, mapping, busy)

    def _mappings(self) -> list[tuple[str, Any]]:
        from moto.awslambda.models import lambda_backends

        return [
            (region, mapping)
            for region, backend in list(lambda_backends[self.account_id].items())
            for mapping in list(backend._event_source_mappings.values())
            if mapping.enabled and mapping.event_source_arn.split(":")[2] == "sqs"
        ]

    def _drain(self, region: str, mapping: Any, busy: set[str]) -> None:
        """Hand batches to the function until the queue gives nothing more."""
        try:
            while not self.stopped.is_set() and self._batch(region, mapping):
                pass
        except (AwsError, KeyError, ValueError, OSError) as error:
            _LOG.warning("queue of %s: %s", mapping.function_arn, error)
        finally:
            busy.discard(mapping.uuid)

    def _batch(self, region: str, mapping: Any) -> bool:
        from moto.sqs.models import sqs_backends

        queues = sqs_backends[self.account_id][region]
        queue = mapping.event_source_arn.rsplit(":", 1)[-1]
        size = min(10, int(mapping.batch_size or 10))
        messages = queues.receive_message(queue, size, 0, None)
        if not messages:
            return False
        function = self.found(region, mapping.function_arn)
        records = [_record(message, mapping.event_source_arn, region) for message in messages]
        outcome = self.invoke(function, {"Records": records})
        failed = {r["messageId"] for r in records} if outcome.failed else _partly_failed(mapping, outcome)
        for message in messages:
            if message.id not in failed:
                queues.delete_message(queue, message.receipt_handle)
        return True


def _partly_failed(mapping: Any, outcome: Outcome) -> set[str]:
    """The messages that a function reports as failed (`ReportBatchItemFailures`)."""
    if "ReportBatchItemFailures" not in (getattr(mapping, "function_response_types", None) or ()):
        return set()
    answer = json.loads(outcome.payload) or {}
    return {one["itemIdentifier"] for one in answer.get("batchItemFailures", ())}


def _record(message: Any, arn: str, region: str) -> dict[str, Any]:
    """A message as Lambda shows it to a function (Lambda developer guide, "Using Lambda with Amazon SQS")."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(int(message.sent_timestamp or time.time() * 1000)),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(int(message.approximate_first_receive_timestamp or 0)),
        },
        "messageAttributes": {},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
