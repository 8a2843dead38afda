from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.own_processors import PERIOD_US, own_processors
from dreamnet.errors import ConfigurationError

GROUPS = Path("/sys/fs/cgroup")


def writable() -> bool:
    parent = GROUPS / "cpu" if (GROUPS / "cpu").is_dir() else GROUPS
    return os.access(parent / "cgroup.procs", os.W_OK)


@pytest.fixture
def busy() -> Iterator[int]:
    """A process that takes all it can get, and has no children."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield process.pid
        process.kill()


@pytest.mark.skipif(not writable(), reason="only root may make control groups")
def test_a_server_gets_its_share_and_no_more(busy):
    with own_processors({"busy": busy}, 0.2):
        before, started = psutil.Process(busy).cpu_times(), time.monotonic()
        while (passed := time.monotonic() - started) < 1:
            time.sleep(0.05)
        after = psutil.Process(busy).cpu_times()
    used = after.user + after.system - before.user - before.system
    assert 0 < used < 0.3 * passed
    assert not [*GROUPS.glob(f"**/dreamnet-{os.getpid()}-*")]


def test_the_second_version_s_files_say_the_same(tmp_path, busy):
    """Files in place of the kernel's, which takes them away itself with a group."""
    (tmp_path / "cgroup.subtree_control").touch()
    written = {}

    def look() -> None:
        group = next(tmp_path.glob("dreamnet-*-neon"))
        written.update({file.name: file.read_text() for file in group.iterdir()})
        for file in group.iterdir():
            file.write_text("")
            file.unlink() if file.name != "cgroup.procs" else None

    with pytest.raises(OSError), own_processors({"neon": busy}, 0.5, tmp_path):  # noqa: PT011 - rmdir
        look()
    assert written == {"cpu.max": f"{PERIOD_US // 2} {PERIOD_US}", "cgroup.procs": str(busy)}
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu"


def test_a_machine_without_control_groups_says_so(tmp_path):
    with (
        pytest.raises(ConfigurationError, match="processors of their own"),
        own_processors({"neon": os.getpid()}, 0.5, tmp_path / "missing"),
    ):
        pass
