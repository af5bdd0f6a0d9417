"""One container's process: started in a group of its own, waited for without a thread, ended whole."""

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster.guard import die_with_parent


class Process:
    """A running process; it and what it started form one group, which ends with it. Raises OSError."""

    def __init__(self, argv: Sequence[str], variables: Mapping[str, str], folder: Path, log: Path) -> None:
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                argv,
                env=variables,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Safe here: this program has one thread.
                preexec_fn=functools.partial(die_with_parent, signal.SIGKILL, os.getpid()),  # noqa: PLW1509
            )

    @property
    def pid(self) -> int:
        """The process id, which is the group's id too."""
        return self._popen.pid

    async def wait(self) -> int:
        """Return the exit code; a signal N that ended the process counts as 128 + N, as in a container."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        handle = os.pidfd_open(self.pid)
        loop.add_reader(handle, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        # Before the process is collected: until then its id, which is the group's, cannot become another's.
        self.kill()
        code = self._popen.returncode
        return code if code >= 0 else 128 - code

    def terminate(self) -> None:
        """Ask the process to end. Only it: in a container too, its children hear nothing of it."""
        if self._popen.returncode is None:  # Popen.terminate would collect an ended process before its group is killed
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole group, as the end of a container kills all that is in it."""
        if self._popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
