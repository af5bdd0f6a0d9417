"""Starts the worker anew whenever a Python file below the working folder changes: for development.

`run --reload` calls it before the handler is loaded. The supervisor watches and passes signals on; a worker that it
ends drains as ever: no message is lost.
"""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from queueworker.signals import SignalPipe
from queueworker.tools.forks import fork

logger = logging.getLogger(__name__)

CHECK_INTERVAL_SECONDS: Final = 0.3
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})

Snapshot = Mapping[str, tuple[int, int]]
"""The time of the last change, in nanoseconds, and the size of each file, by its path."""


def supervise(folder: Path) -> None:
    """Keep a worker running; return in each worker's process, never in this one, which ends when it is told to."""
    supervisor = _Supervisor(folder)
    while True:
        worker = fork()
        if worker is None:
            return
        supervisor.watch(worker)


class _Supervisor:
    """Waits for signals, changes and the end of the worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signals = SignalPipe()
        self._files = snapshot(folder)

    def watch(self, worker: int) -> None:
        """Return when a worker is to be started; end the process after a signal."""
        signum = self._wait_for_change(worker)
        if signum is not None:
            sys.exit(self._end(worker, signum))
        self._end(worker, signal.SIGTERM)

    def _wait_for_change(self, worker: int) -> int | None:
        """Wait until a file has changed, or for a signal, and return that."""
        ended = False
        while not (signum := self._signals.wait(CHECK_INTERVAL_SECONDS)):
            if not ended and (code := _exit_code(worker)) is not None:
                ended = True
                logger.warning("worker ended: waiting for a change", extra={"exit_code": code})
            if changed := self._changed():
                logger.warning("starting the worker anew", extra={"changed": ", ".join(changed)})
                return None
        return signum

    def _changed(self) -> list[str]:
        before, self._files = self._files, snapshot(self._folder)
        return changes(before, self._files)

    def _end(self, worker: int, signum: int) -> int:
        """Pass the signal on, and all that follow, until the worker has ended; return its exit code."""
        while True:
            if (code := _exit_code(worker)) is not None:
                return code
            if signum:
                os.kill(worker, signum)
            signum = self._signals.wait(CHECK_INTERVAL_SECONDS) or 0


def _exit_code(worker: int) -> int | None:
    """Return the exit code of a process that has ended; None while it runs."""
    try:
        ended, status = os.waitpid(worker, os.WNOHANG)
    except ChildProcessError:  # it was waited for before
        return 0
    return os.waitstatus_to_exitcode(status) if ended else None


def snapshot(folder: Path) -> Snapshot:
    """Return the Python files below a folder, without those of hidden folders and of virtual environments."""
    return {path: (found.st_mtime_ns, found.st_size) for path, found in _files(str(folder))}


def _files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [] if "pyvenv.cfg" in files else [each for each in folders if _is_watched(each)]
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(parent, name)  # noqa: PTH118 -- many files, several times a second
                try:
                    yield path, os.stat(path)  # noqa: PTH116 -- as above
                except FileNotFoundError:  # an editor is replacing it
                    continue


def _is_watched(folder: str) -> bool:
    return not folder.startswith(".") and folder not in _SKIPPED


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the files that are new, changed or gone, by their paths from the working folder."""
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return sorted(os.path.relpath(path) for path in changed)
