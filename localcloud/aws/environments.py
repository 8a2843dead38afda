"""Lambda execution environments: subprocesses that really run a function's code, with its time limit."""

from __future__ import annotations

import io
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Seconds after which an unused environment is ended. AWS keeps them for minutes; memory is scarcer here.
IDLE_SECONDS = 60.0

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")


@dataclass(frozen=True)
class Function:
    """What an environment is made from.

    Attributes:
        key: changes with code and configuration.
        code: the deployment package, a zip.
        seconds: the time limit of one invocation.
        environment: the function's own variables and the runtime's.
    """

    name: str
    arn: str
    key: str
    handler: str
    runtime: str
    seconds: float
    code: bytes = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What came of one invocation.

    Attributes:
        payload: the result, or `errorMessage` and `errorType`, as JSON.
        failed: the function raised, crashed or ran out of time.
        log: what it printed.
    """

    payload: str
    failed: bool
    log: str


class Environments:
    """All environments. An invocation takes an idle one of its function or starts another.

    Args:
        log: where a function's crash output goes, by its name.
        folder: where code is unpacked; what a killed server left there is removed.
    """

    def __init__(self, log: Callable[[str], Path], folder: Path) -> None:
        self._log = log
        self._folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Environment]] = {}

    def invoke(self, function: Function, event: Any) -> Outcome:
        """Run the function on one event."""
        if not function.runtime.startswith("python"):
            message = f"the runtime {function.runtime} is not in the rehearsal"
            return _failed("NotInRehearsal", message)
        environment = self._take(function)
        outcome = environment.invoke(event)
        if environment.alive:
            with self._lock:
                self._idle.setdefault(function.key, []).append(environment)
        return outcome

    def reap(self, seconds: float = IDLE_SECONDS) -> None:
        """End the environments that have not been used for so long."""
        with self._lock:
            old = [e for found in self._idle.values() for e in found if e.idle_for >= seconds]
            self._idle = {
                key: [e for e in found if e not in old] for key, found in self._idle.items() if found
            }
        for environment in old:
            environment.close()

    def _take(self, function: Function) -> _Environment:
        with self._lock:
            idle = self._idle.get(function.key)
            if idle:
                return idle.pop()
        return _Environment(function, self._log(f"lambda-{function.name}"), self._folder)


class _Environment:
    """One subprocess with one function's code unpacked beside it."""

    def __init__(self, function: Function, log: Path, folder: Path) -> None:
        self._function = function
        self._root = Path(tempfile.mkdtemp(dir=folder))
        with zipfile.ZipFile(io.BytesIO(function.code)) as archive:
            archive.extractall(self._root)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._root),
            "_HANDLER": function.handler,
            "LAMBDA_TASK_ROOT": str(self._root),
            "PYTHONDONTWRITEBYTECODE": "1",
            **function.environment,
        }
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-E", "-s", str(_BOOTSTRAP)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                cwd=self._root,
                env=environment,
                start_new_session=True,
            )
        self._used = time.monotonic()

    @property
    def alive(self) -> bool:
        """It can take another event."""
        return self._process.poll() is None

    @property
    def idle_for(self) -> float:
        """Seconds since the last event."""
        return time.monotonic() - self._used

    def invoke(self, event: Any) -> Outcome:
        """Send one event and wait for the answer or the time limit."""
        request = str(uuid.uuid4())
        deadline = time.time() + self._function.seconds
        call = {"event": event, "request_id": request, "deadline": deadline, "arn": self._function.arn}
        line = self._exchange(json.dumps(call).encode() + b"\n", deadline)
        self._used = time.monotonic()
        if line is None:
            self.close()
            seconds = f"{self._function.seconds:.2f}"
            return _failed(
                "Sandbox.Timedout", f"RequestId: {request} Error: Task timed out after {seconds} seconds"
            )
        if not line.endswith(b"\n"):
            self.close()
            return _failed(
                "Runtime.ExitError", f"RequestId: {request} Error: Runtime exited without providing a reason"
            )
        answer = json.loads(line)
        if "error" in answer:
            return Outcome(json.dumps(answer["error"]), True, answer["log"])
        return Outcome(json.dumps(answer["result"]), False, answer["log"])

    def _exchange(self, line: bytes, deadline: float) -> bytes | None:
        """The answer's line, what there was of it at the process's end, or None at the deadline."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the environment was made without pipes")
        try:
            stdin.write(line)
            stdin.flush()
        except BrokenPipeError:
            return b""
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not received.endswith(b"\n"):
                left = deadline - time.time()
                if left <= 0 or not selector.select(left):
                    return None
                piece = os.read(stdout.fileno(), 1 << 20)
                if not piece:
                    break
                received += piece
        return received

    def close(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        shutil.rmtree(self._root, ignore_errors=True)


def _failed(kind: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorMessage": message, "errorType": kind}), True, message)
