"""The worker as the first process of a container: nobody else looks after orphans and signals."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.adapters.worker.conftest import Queue, StartWorker, until

UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(scope="module", autouse=True)
def _namespaces(unavailable: Callable[[str], NoReturn]) -> None:
    if shutil.which("unshare") is None:
        unavailable("unshare is missing: install util-linux.")
    if subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        unavailable("This user may make no pid namespace: run the tests as root.")


def child_of(pid: int) -> int:
    """Return the pid of the only child of a process."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def zombies_of(pid: int) -> int:
    """Return how many children of a process have ended and were not reaped."""
    found = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):  # it has ended since, or while it was read
            continue
        found += (state, parent) == ("Z", str(pid))
    return found


PROGRAM = """
import json, subprocess, sys
print('{"ready": true}', flush=True)
for line in sys.stdin:
    id = json.loads(line)["id"]
    subprocess.run(["sh", "-c", f"sh -c 'sleep 1; touch orphan-{id}' & exit 0"])
    print(json.dumps({"id": id, "success": True}), flush=True)
"""
LEAVING_ORPHANS = {
    "commands": ("--exec", "sh -c 'sh -c \"sleep 1; touch orphan-$SQS_MESSAGE_ID\" & exit 0'"),
    "programs": ("--serve", shlex.join([sys.executable, "-ISc", PROGRAM])),
}


@pytest.mark.parametrize("flags", LEAVING_ORPHANS.values(), ids=LEAVING_ORPHANS)
def test_orphans_do_not_stay_zombies(moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]) -> None:
    moto_queue.send(*map(str, range(5)))
    worker = start_worker(moto_queue, *flags, prefix=UNSHARE)
    folder = worker.journal.parent
    until(lambda: len(list(folder.glob("orphan-*"))) == 5, 60, "no orphans were left")
    until(lambda: moto_queue.depth() == (0, 0), 60, "the messages were not deleted")
    first = child_of(worker.process.pid)
    until(lambda: zombies_of(first) == 0, 60, "orphans stay zombies")
    assert worker.lines("handler failed") == []


def test_the_exit_codes_of_commands_are_theirs(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send(*map(str, range(200)))
    worker = start_worker(moto_queue, "--exec", "false", "--retry-seconds", "600", prefix=UNSHARE)
    until(lambda: len(worker.lines("handler failed")) == 200, 60, "not every message has failed")
    assert moto_queue.depth() == (0, 200)


def test_a_signal_while_the_handler_is_imported_is_not_lost(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, "--handler", "slow_import:record", prefix=UNSHARE)
    until((worker.journal.parent / "importing").exists, 60, "the handler is not imported")
    subprocess.run(["kill", str(child_of(worker.process.pid))], check=True)
    assert worker.wait() == 0
    assert moto_queue.depth() == (1, 0)
