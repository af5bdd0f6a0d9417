"""Parses what starts the processes that work on messages, ends them, tells how they ended, and reaps orphans.

Each is the first of its process group. `commands`, `isolation` and `programs` start them.
"""

import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TypeVar

from queueworker.errors import UsageError

TERMINATION_TIMEOUT_SECONDS = 2.0
"""How long to wait for a process to end after SIGTERM, before SIGKILL."""

REAP_INTERVAL_SECONDS = 1.0

Process = subprocess.Popen[bytes]
T = TypeVar("T")


def parse_command(flag: str, command: str) -> list[str]:
    """Return the arguments of a command line without shell syntax.

    Raises:
        UsageError: it cannot be parsed, or there is no such program.
    """
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{flag} {command!r}: {error}; quote it as for a shell") from error
    if not argv or shutil.which(argv[0]) is None:
        raise UsageError(f"{flag} {command!r}: there is no such program; give a path, or install it")
    return argv


def describe_exit(name: str, returncode: int) -> str:
    """Return a description of how a process ended."""
    if returncode < 0:
        return f"{name} was ended by {signal.Signals(-returncode).name}"
    return f"{name} ended with exit code {returncode}"


def terminate(process: Process) -> None:
    """Send SIGTERM to the process's group, and SIGKILL when the process does not end. Returns when it has ended."""
    _send_signal(process, signal.SIGTERM)
    try:
        process.wait(TERMINATION_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        _send_signal(process, signal.SIGKILL)
        process.wait()


def terminate_all(processes: Iterable[Process]) -> None:
    """Terminate many processes at the same time."""
    all_at_once(terminate, processes)


def all_at_once(action: Callable[[T], None], items: Iterable[T]) -> None:
    """Do the same to many things at the same time, because each may take seconds."""
    threads = [threading.Thread(target=action, args=(item,), daemon=True) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def reap_orphans(lock: AbstractContextManager[object], ours: Callable[[], Collection[int]]) -> None:
    """Reap from now on what ends and has no other parent, if this is the first process of a container; else do nothing.

    A process whose parent has ended becomes a child of the first one, and stays a zombie until that asks for its exit
    code. Only for a process whose own children are all in `ours`: their exit codes are for others to ask for.

    Args:
        lock: held while a child is started and recorded.
        ours: returns the pids of the children that were started.
    """
    if os.getpid() == 1:
        threading.Thread(target=_reap, args=(lock, ours), name="reaper", daemon=True).start()


def _reap(lock: AbstractContextManager[object], ours: Callable[[], Collection[int]]) -> None:
    while True:
        time.sleep(REAP_INTERVAL_SECONDS)
        with lock:
            for pid in set(_zombies()).difference(ours()):
                with suppress(ChildProcessError):  # an isolated child that its own thread has just waited for
                    os.waitpid(pid, os.WNOHANG)


def _zombies() -> Iterator[int]:
    """Yield this process's children that have ended."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just been reaped
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if (state, int(parent)) == ("Z", os.getpid()):
                yield int(status.parent.name)


def _send_signal(process: Process, signum: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signum)
        except ProcessLookupError:
            return  # it has just ended
