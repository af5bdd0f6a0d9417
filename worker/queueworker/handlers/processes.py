"""Ends the processes that work on messages, each the first of a process group of its own, and describes how they ended.

`commands` and `isolation` start them.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Iterable

TERMINATION_TIMEOUT_SECONDS = 2.0
"""How long to wait for a process to end after SIGTERM, before SIGKILL."""

Process = subprocess.Popen[bytes]


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
    threads = [threading.Thread(target=terminate, args=(process,), daemon=True) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send_signal(process: Process, signum: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signum)
        except ProcessLookupError:
            return  # it has just ended
