"""Processes that work on messages, each the first of a group of its own: how they are ended, and what an end tells."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterable

TERM_SECONDS = 2.0
"""How long a process may take to end after SIGTERM, before SIGKILL."""

Process = subprocess.Popen[bytes]


def told(who: str, returncode: int) -> str:
    """What became of a process, in words."""
    if returncode < 0:
        return f"{who} was ended by {signal.Signals(-returncode).name}"
    return f"{who} ended with exit code {returncode}"


def end(process: Process) -> None:
    """SIGTERM to the group of the process; SIGKILL when its first process stays. Returns when that has ended."""
    _send(process, signal.SIGTERM)
    try:
        process.wait(TERM_SECONDS)
    except subprocess.TimeoutExpired:
        _send(process, signal.SIGKILL)
        process.wait()


def end_all(processes: Iterable[Process]) -> None:
    """The same for many at the same time."""
    threads = [threading.Thread(target=end, args=(process,), daemon=True) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send(process: Process, signum: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signum)
        except ProcessLookupError:
            return  # it has just ended
