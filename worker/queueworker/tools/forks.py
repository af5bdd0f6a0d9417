"""Processes that are forked from this one and end with it, however it ends. `reload` and `local` use it.

A fork has what this process has loaded and read so far, so nothing is to be passed on; it must be made before there are
threads.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

from queueworker.signals import SIGNALS, end_at_once

_ALIVE: Final = os.pipe()
"""Nobody writes into it: who reads learns that the process with the write end has ended."""


def fork(*, reads_terminal: bool = False) -> int | None:
    """Fork; return the process id of the child, and None in the child.

    The child is in a process group of its own, unless it is to read the terminal: a Ctrl-C there reaches only its
    parent, which passes it on.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if not child:
        signal.set_wakeup_fd(-1)
        end_at_once()
        if not reads_terminal:
            os.setpgid(0, 0)
        os.close(_ALIVE[1])
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return child or None


def _end_with_parent() -> None:
    os.read(_ALIVE[0], 1)
    os.kill(os.getpid(), signal.SIGTERM)


def run_forked(work: Callable[[], None], *, reads_terminal: bool = False) -> None:
    """Do work in a child process, which ends after it."""
    if fork(reads_terminal=reads_terminal):
        return
    try:
        work()
    finally:
        os._exit(0)
