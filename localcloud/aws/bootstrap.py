"""Runs inside a Lambda execution environment: loads the handler once, then answers one event a line.

Standard input brings `{"event", "request_id", "deadline", "arn"}`, the answer goes to the descriptor that
standard output was at the start: `{"result"}` or `{"error"}`, with what the handler printed. Uses nothing but
the standard library, so that a function finds only what it brings and the runtime's boto3.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import os
import sys
import time
import traceback
from typing import Any


class Context:
    """The context object that Lambda hands to a Python handler (Lambda developer guide, "Python context")."""

    def __init__(self, call: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.invoked_function_arn = call["arn"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.aws_request_id = call["request_id"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline = call["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return max(0, int((self._deadline - time.time()) * 1000))


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    handler: Any = None
    for line in sys.stdin:
        call = json.loads(line)
        printed = io.StringIO()
        sys.stdout = sys.stderr = printed
        logging.basicConfig(stream=printed, level=logging.WARNING, force=True)
        try:
            if handler is None:
                handler = _load(os.environ["_HANDLER"])
            answer = {"result": json.loads(json.dumps(handler(call["event"], Context(call))))}
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises is its answer
            answer = {"error": _error(error)}
        answers.write(json.dumps({**answer, "log": printed.getvalue()}) + "\n")
        answers.flush()


def _load(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), function)


def _error(error: Exception) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__)[1:],
    }


if __name__ == "__main__":
    main()
