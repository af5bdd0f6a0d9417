"""Devcluster's own node leaves nothing on the machine, also when whoever started it was killed.

Then cgroups stay, and for some time the interface: until the next start in the same folder.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devcluster.errors import UnavailableError
from devcluster.images import Images
from devcluster.kubelet import cgroups, requirements
from devcluster.node import leftovers
from e2e.world import eventually

START_SECONDS = 240


@pytest.fixture(autouse=True)
def _machine() -> None:
    """Skip on a laptop where a node of our own is not possible. Where kind is the backend, these tests are left out."""
    try:
        requirements.check()
    except UnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@contextmanager
def up(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield a running `devcluster up`; it is killed at the end if it still runs."""
    command = [sys.executable, "-m", "devcluster", "up", "--node=kubelet", f"--dir={folder}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("KUBECONFIG=")
            yield process
        finally:
            process.kill()


def processes(folder: Path) -> list[int]:
    return list(leftovers.find(folder))


def mounts(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]


def interfaces(folder: Path) -> list[str]:
    mark = cgroups.name(folder)[-8:]
    return [path.name for path in Path("/sys/class/net").iterdir() if mark in path.name]


def groups(folder: Path) -> list[Path]:
    return [path for each in cgroups.hierarchies() if (path := each / cgroups.name(folder)).exists()]


@pytest.mark.timeout(START_SECONDS * 3)
def test_a_cluster_whose_starter_was_killed_leaves_nothing_and_the_next_one_starts_and_ends(tmp_path: Path) -> None:
    folder = tmp_path / "a-folder-whose-name-is-longer-than-that-of-a-socket-in-it-may-be"
    Images().for_nodes()  # slow the first time, and not what is waited for below
    before = {name: Path("/proc/sys", name).read_text() for name in ("vm/overcommit_memory", "kernel/panic")}
    with up(folder) as process:
        assert processes(folder)
        assert groups(folder)
        process.send_signal(signal.SIGKILL)
        process.wait()
        eventually(lambda: not processes(folder), 60, "the end of all processes")
        assert mounts(folder) == []
    with up(folder) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    found = (processes(folder), interfaces(folder), mounts(folder), groups(folder))
    assert found == ([], [], [], [])
    assert {name: Path("/proc/sys", name).read_text() for name in before} == before
