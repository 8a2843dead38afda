"""Child processes that outlive whoever started them, and that are never confused with anybody else's."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from dreamnet.errors import ConfigurationError, UnreachableError
from localcloud.engines.system_user import as_account
from localcloud.ports import FORKING

#: What a server inherits from whoever starts it. No more, so that it behaves the same whether the command
#: line, a cloud's server or a test started it.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    directory: Path,
    environment: Mapping[str, str],
    user: str | None = None,
) -> psutil.Process:
    """Start a process in a session of its own, with no terminal and no pipe to us; its output goes to `log`.

    Args:
        user: the account to run as (only root can say so); None: ours.

    Raises:
        ConfigurationError: the program is missing.
        UnreachableError: it ended at once.
    """
    program = argv[0]
    if shutil.which(program) is None:
        raise ConfigurationError(
            f"{program} is not there.", "Install the project with its `rehearsal` extra."
        )
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    with log.open("ab") as output, FORKING:
        # The shell leaves at once, so that the server is nobody's child: stopping one server (the local
        # Google, say) must not take along those that it started.
        shell = subprocess.run(
            ["sh", "-c", '"$@" >&2 & echo $!', "sh", *as_account(argv, user)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=directory,
            env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
            start_new_session=True,
            check=True,
        )
    try:
        return psutil.Process(int(shell.stdout))
    except psutil.NoSuchProcess as error:
        raise UnreachableError(f"{program} ended at once: {last_line(log)}", f"Read {log}.") from error


def find(pid: int | None, created: float | None) -> psutil.Process | None:
    """The live process with this number and creation time; None where it has ended or the number is
    another's."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        same = created is not None and abs(process.create_time() - created) < 0.02
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def terminate(
    process: psutil.Process, *, first: signal.Signals = signal.SIGTERM, grace: float = 10.0
) -> None:
    """Ask a process to end, and after `grace` seconds make it and all its descendants end. Returns when
    they have."""
    family = _family(process)
    _signal([process], first)
    _wait([process], grace)
    # Children that the parent did not take along, and those it started meanwhile.
    family += [member for member in _family(process) if member not in family]
    alive = _wait(family, 1.0)
    _signal(alive, signal.SIGKILL)
    _wait(alive, 5.0)


def kill(process: psutil.Process) -> None:
    """End a process and all its descendants at once, as a crash of their machine would."""
    family = _family(process)
    _signal(family, signal.SIGKILL)
    _wait(family, 5.0)


def wait_until_ready(
    process: psutil.Process, ready: Callable[[], bool], *, name: str, log: Path, timeout: float
) -> None:
    """Return once `ready()`.

    Raises:
        UnreachableError: the process ended before, or `timeout` seconds have passed.
    """
    created = process.create_time()
    deadline = time.monotonic() + timeout
    while not ready():
        if find(process.pid, created) is None:
            raise UnreachableError(f"{name} stopped while it was starting: {last_line(log)}", f"Read {log}.")
        if time.monotonic() > deadline:
            raise UnreachableError(f"{name} did not answer within {timeout:.0f} s.", f"Read {log}.")
        time.sleep(0.03)


def answers(url: str) -> bool:
    """Whether `url` is answered below 500 now. The certificate of a local cluster is not checked."""
    import ssl

    context = ssl._create_unverified_context() if url.startswith("https") else None
    try:
        with urllib.request.urlopen(url, timeout=2.0, context=context) as response:
            return int(response.status) < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False


def accepts(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted now."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def last_line(log: Path) -> str:
    """The last line of a log that says something, shortened."""
    try:
        lines = log.read_bytes()[-4096:].decode(errors="replace").split("\n")
    except FileNotFoundError:
        return "it printed nothing"
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:300] if said else "it printed nothing"


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            # psutil compares the creation time before it sends.
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _wait(processes: Sequence[psutil.Process], timeout: float) -> list[psutil.Process]:
    """Wait until all have ended; returns those that have not. A zombie has ended: only its parent can bury
    it."""
    deadline = time.monotonic() + timeout
    alive = [process for process in processes if _is_alive(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(0.01)
        alive = [process for process in alive if _is_alive(process)]
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
