"""The gauntlet's workers: each process is the first of a pid namespace of its own, and is killed, terminated, measured.

`run` says when. A namespace is what a container gives to a process: nobody else reaps its orphans, signals for which it
has set nothing are ignored, and its end is the end of all.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from devcluster.errors import UnavailableError
from devcluster.processes import free_port, guarded, wait_until
from queueworker.handlers.work import DEAD_LETTER_THREADS
from queueworker.lease.manager import senders_for
from queueworker.lease.records import BATCH_SIZE
from queueworker.receive.receiver import MAX_ADDITIONAL_POLLERS
from testbed.gauntlet import command
from testbed.gauntlet.records import NEVER, ChildKill, CutOff, Kind, Life

ROOT = Path(__file__).parents[2]
UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
START_SECONDS = 120.0
GRACE_SECONDS = 6
LATEST_END_SECONDS = GRACE_SECONDS + 14.0
"""An orderly exit takes the grace period, the end of commands (2 s), the last requests (4 s), and a busy machine."""

EXEC = f"{sys.executable} -I -S {command.__file__}"
_TERMINATION_BIT = 1 << (signal.SIGTERM - 1)


@dataclass(frozen=True, slots=True)
class Role:
    """What a worker does: the kind of its queue, how it handles messages, and the flags for that."""

    kind: Kind
    way: str
    flags: tuple[str, ...]
    concurrency: int = 4
    prefetch: int = 0

    @property
    def most_threads(self) -> int:
        """How many threads the worker has when all its pools are full, and nobody asks for its state."""
        capacity = self.concurrency + self.prefetch
        always = 4  # the main thread, the receiver, the lease manager, the HTTP server
        pools = senders_for(capacity) + DEAD_LETTER_THREADS + min(MAX_ADDITIONAL_POLLERS, (capacity - 1) // BATCH_SIZE)
        own = {
            "threads": self.concurrency,
            "coroutines": 1,  # the event loop
            "isolated": 2 * self.concurrency + 1,  # one more that waits for each child; the reaper
            "commands": self.concurrency + 1,
        }
        return always + pools + own[self.way]


def _role(kind: Kind, way: str, concurrency: int = 4, prefetch: int = 0) -> Role:
    handler = "testbed.gauntlet.handlers:handle"
    flags = {
        "threads": ("--handler", handler),
        "coroutines": ("--handler", f"{handler}_async"),
        "isolated": ("--handler", f"{handler}_isolated", "--isolate"),
        "commands": ("--exec", EXEC),
    }
    capacity = ("--concurrency", str(concurrency), "--prefetch", str(prefetch))
    return Role(kind, way, (*flags[way], *capacity), concurrency, prefetch)


ROLES = (
    _role(Kind.PLAIN, "threads"),
    _role(Kind.PLAIN, "commands"),
    _role(Kind.FAIR, "coroutines"),
    _role(Kind.FIFO, "isolated"),
    _role(Kind.PLAIN, "coroutines", concurrency=12),
    _role(Kind.PLAIN, "isolated"),
    _role(Kind.FAIR, "threads", prefetch=4),
    _role(Kind.FAIR, "isolated"),
    _role(Kind.FIFO, "threads", prefetch=4),
    _role(Kind.FIFO, "commands"),
)
"""In turns; the first LASTING of them live from the beginning to the end, and every way is among these."""

LASTING = 4


def require_namespaces() -> None:
    """Raise UnavailableError where this user may make no pid namespace."""
    missing = shutil.which(UNSHARE[0]) is None
    if missing or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        raise UnavailableError("The gauntlet's workers need pid namespaces: install util-linux and run it as root.")


def in_namespace(argv: Sequence[str]) -> list[str]:
    """Return the argument list that runs a program as the first process of a pid namespace with its own /proc."""
    return guarded([*UNSHARE, *argv])


class Worker:
    """One process of a worker, from its start to its end."""

    def __init__(self, name: str, role: Role, queue: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            name: Its name, in the journal and as its access key.
            role: What it does.
            queue: `url`, `dead_letters`, `visibility_seconds`, and the `folder` of its log.
            environment: Variables beside those that every worker gets.
        """
        self.name = name
        self.role = role
        self.port = free_port()
        self.log = Path(queue["folder"]) / f"{name}.log"
        self.started = time.monotonic()
        self.killed = self.terminated = self.hurried = self.ended = NEVER
        self._serves = False
        flags = ("--queue", queue["url"], "--dead-letter-queue", queue["dead_letters"])
        seconds = ("--visibility-seconds", queue["visibility_seconds"], "--wait-seconds", "2", "--retry-seconds", "0")
        more = ("--grace-seconds", str(GRACE_SECONDS), "--state-host", "127.0.0.1", "--state-port", str(self.port))
        argv = [sys.executable, "-m", "queueworker", *flags, *seconds, *more, *role.flags]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUEWORKER_", "AWS_"))}
        clean |= {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", ROOT)))}
        clean |= {"GAUNTLET_WORKER": name, **environment}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(in_namespace(argv), stdout=log, stderr=log, env=clean, cwd=queue["folder"])
        self._first = 0

    @property
    def running(self) -> bool:
        """Whether it has not ended; notes when it has."""
        if self._process.poll() is None:
            return True
        self.ended = min(self.ended, time.monotonic())
        return False

    @property
    def living(self) -> bool:
        """Whether it runs and nobody has told it to end."""
        return self.running and self.killed == self.terminated == NEVER

    @property
    def first(self) -> int:
        """The process id of the first process of the namespace; 0 while there is none."""
        if not self._first:
            children = _children(self._process.pid)
            self._first = children[0] if children else 0
        return self._first

    def until_ready_for_signals(self) -> None:
        """Wait until the program catches SIGTERM: until then the kernel keeps it from the first process."""
        wait_until(
            lambda: not self.running or bool(self.first and _catches_termination(self.first)),
            START_SECONDS,
            f"{self.name} catches no signal",
        )

    @property
    def serves(self) -> bool:
        """Whether it has said that it has started: it serves its state then."""
        self._serves = self._serves or "worker started" in self.log.read_text()
        return self._serves

    def until_started(self) -> None:
        """Wait until it serves its state."""
        wait_until(lambda: self.serves, START_SECONDS, f"{self.name} does not start")

    def terminate(self) -> None:
        """Send SIGTERM, as the kubelet does."""
        self.until_ready_for_signals()
        if self.running:
            self.terminated = time.monotonic()
            with suppress(ProcessLookupError):
                os.kill(self.first, signal.SIGTERM)

    def hurry(self) -> int:
        """Send another SIGTERM, if it still runs; return how many were sent."""
        if not self.running:
            return 0
        self.hurried = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(self.first, signal.SIGTERM)
        return 1

    def kill(self) -> None:
        """Kill the first process, and with it the namespace."""
        self.killed = time.monotonic()
        if self.first:
            with suppress(ProcessLookupError):
                os.kill(self.first, signal.SIGKILL)
        else:
            self._process.kill()

    def kill_child(self, index: int) -> ChildKill | None:
        """Kill one of the processes that it has started; return None when there is none.

        A worker that has not started yet says that its handler could not be loaded, and ends: as it should.
        """
        children = _children(self.first) if self.serves and self.first else []
        if not children:
            return None
        pid = children[index % len(children)]
        with suppress(OSError):
            inner = int(_status(pid)["NSpid"].split()[-1])
            os.kill(pid, signal.SIGKILL)
            return ChildKill(self.name, inner, time.monotonic())
        return None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; return whether it came in time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.running

    def zombies(self) -> int:
        """Return how many ended processes of its namespace were not reaped."""
        return _zombies_below(self.first)

    def usage(self) -> tuple[int, int]:
        """Return the numbers of its threads and of its open files."""
        return len(os.listdir(f"/proc/{self.first}/task")), len(os.listdir(f"/proc/{self.first}/fd"))  # noqa: PTH208 -- names are enough

    def life(self) -> Life:
        """Return what is to be judged about it."""
        lines = list(self._lines())
        left = [line["left_in_flight"] for line in lines if line["message"] == "worker ended"]
        return Life(
            worker=self.name,
            killed=self.killed,
            terminated=self.terminated,
            hurried=self.hurried,
            ended=self.ended,
            exit_code=self._process.poll(),
            left_in_flight=left[-1] if left else None,
            errors=[json.dumps(line) for line in lines if _is_own_error(line)],
        )

    def cut_offs(self) -> list[CutOff]:
        """Return the messages that it has released because its grace period was over, and whose handlers it stopped."""
        lines = list(self._lines())
        began = [_seconds(line) for line in lines if line["message"] == "draining"]
        return [
            CutOff(self.name, line["message_id"], self.terminated + _seconds(line) - began[0])
            for line in lines
            if began and _is_cut_off(line)
        ]

    def _lines(self) -> Iterator[dict[str, Any]]:
        for line in self.log.read_text(errors="replace").splitlines():
            with suppress(ValueError):  # what a program of its own has written, or the half of a line
                yield json.loads(line)


def _is_own_error(line: Mapping[str, Any]) -> bool:
    """Return whether a line tells of a fault of the worker's, and not of its handler's or of SQS."""
    known = ("handler failed", "handler rejected the message")
    return ("traceback" in line and line["message"] not in known) or line["level"] == "CRITICAL"


def _is_cut_off(line: Mapping[str, Any]) -> bool:
    if line["message"] == "message released by its handler":
        return str(line["error"]) == "the worker ends"
    return str(line["message"]) == "message released: the grace period is over"


def _seconds(line: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(line["time"]).timestamp()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _catches_termination(pid: int) -> bool:
    with suppress(OSError):
        return bool(int(_status(pid)["SigCgt"], 16) & _TERMINATION_BIT)
    return False


def _zombies_below(first: int) -> int:
    """Return how many zombies descend from a process."""
    parents: dict[int, int] = {}
    zombies: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            parents[int(stat.parent.name)] = int(parent)
            zombies += [int(stat.parent.name)] if state == "Z" else []
    return sum(_descends(pid, first, parents) for pid in zombies)


def _descends(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while pid in parents and pid != ancestor:
        pid = parents[pid]
    return pid == ancestor
