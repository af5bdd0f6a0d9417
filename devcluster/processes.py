"""Local programs that a cluster runs: start, stop, kill, restart. Independent of Kubernetes.

A program lives in a session of its own (Ctrl-C in the terminal is for us, not for it) and dies with the *thread* that
started it, so start programs from a thread that lives as long as they should.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devcluster import guard
from devcluster.errors import StartFailedError

# Below the range that Linux takes the ports of outgoing connections from (32768 up): a stopped server finds its port
# free again when it restarts.
SERVER_PORTS = range(20_000, 32_000)

_PORTS_KEPT = 100
_given = deque[int](maxlen=_PORTS_KEPT)  # whoever got one of these may not listen yet


def guarded(argv: Sequence[str], death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """Return the argument list that runs ARGV so that it gets DEATH_SIGNAL when this process ends."""
    return [sys.executable, "-I", "-S", str(Path(guard.__file__)), str(int(death_signal)), str(os.getpid()), *argv]


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nobody listens on at HOST, and that was not given to somebody else just now."""
    while True:
        port = secrets.choice(SERVER_PORTS)  # not `random`: a test run that seeds it would draw another run's ports
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            _given.append(port)
            return port


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Poll CONDITION until it holds; raise StartFailedError with the sentence WHAT after SECONDS."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StartFailedError(f"{what} (waited {seconds:.0f} s)")
        time.sleep(0.05)


class Program:
    """One long-running program with a log file; it can be started again with the same arguments after it ended."""

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        death: signal.Signals | None = None,
    ) -> None:
        self.argv = list(argv)
        self.log = log
        self._env = env
        self._death = death or signal.SIGKILL
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The program's name, as its log file is called."""
        return self.log.stem

    @property
    def running(self) -> bool:
        """Whether the program has been started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The process id; raises StartFailedError when the program does not run."""
        if self._popen is None or not self.running:
            raise StartFailedError(f"{self.name} does not run; its log is {self.log}")
        return self._popen.pid

    def start(self) -> None:
        """Start the program, unless it runs; its output is appended to the log."""
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                guarded(self.argv, self._death),
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, grace_seconds: float = 10) -> None:
        """Ask the program to end (SIGTERM) and wait; after GRACE_SECONDS kill it."""
        if self._popen is None or not self.running:
            return
        self._popen.terminate()
        try:
            self._popen.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the program at once (SIGKILL) and wait until it is gone."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def check(self) -> None:
        """Raise StartFailedError with the end of the log when the program has ended."""
        if not self.running:
            tail = self.log.read_text(errors="replace").splitlines()[-3:] if self.log.exists() else []
            raise StartFailedError(f"{self.name} ended early; its log is {self.log}: " + " | ".join(tail))
