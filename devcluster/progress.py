"""Show that something slow goes on: `running(...)` runs a command and prints the elapsed time while it lasts.

On a terminal one line is rewritten every second; elsewhere (CI, a pipe) a plain line appears now and then. A step that
takes less than two seconds prints nothing. Output goes to stderr: stdout belongs to results.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devcluster.errors import CommandFailedError
from devcluster.processes import guarded

QUIET_SECONDS = 2
PLAIN_LINE_SECONDS = 15
TAIL_LINES = 15


def elapsed(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Line:
    """The progress line of one step."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begun = time.monotonic()
        self._next = self._begun + QUIET_SECONDS
        self._shown = False
        self._rewrites = sys.stderr.isatty()

    def tick(self) -> None:
        """Show the elapsed time, when it is time to show it."""
        now = time.monotonic()
        if now >= self._next:
            self._show(now, "\r" if self._rewrites else "\n", "...")
            self._next = now + (1 if self._rewrites else PLAIN_LINE_SECONDS)

    def done(self) -> None:
        """Show the total, when the step was slow enough to be shown at all."""
        if self._shown:
            self._show(time.monotonic(), "\n", "done")

    def _show(self, now: float, end: str, state: str) -> None:
        print(f"{self._label}: {elapsed(now - self._begun)} {state} ", end=end, file=sys.stderr, flush=True)
        self._shown = True


def running(label: str, argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run ARGV with a progress line; raise CommandFailedError with the end of its output when it fails."""
    line = Line(label)
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(guarded(argv), cwd=cwd, env=env, stdout=output, stderr=subprocess.STDOUT) as process:
            while process.poll() is None:
                line.tick()
                time.sleep(0.1)
        line.done()
        if process.returncode != 0:
            output.seek(0)
            tail = output.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
            raise CommandFailedError(f"{label} failed (exit code {process.returncode}):\n" + "\n".join(tail))


def running_here(label: str, function: Callable[[], None]) -> None:
    """Call FUNCTION, in this thread, with a progress line."""
    line = Line(label)
    over = threading.Event()

    def show() -> None:
        while not over.wait(0.1):
            line.tick()

    watcher = threading.Thread(target=show, daemon=True)
    watcher.start()
    try:
        function()
    finally:
        over.set()
        watcher.join()
    line.done()
