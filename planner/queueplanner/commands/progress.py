"""A line on standard error while something takes long; on a terminal only."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TextIO

SHOWN_AFTER_SECONDS = 2.0
_EACH_SECONDS = 0.5
_BAR = 20
_CLEAR = "\r\x1b[K"


class Progress:
    """How much of something is done. `done` may be called from any thread.

    Args:
        total: How many runs there will be; None: nobody knows.
        stream: Where it is shown.
    """

    def __init__(self, total: int | None, stream: TextIO) -> None:
        self._total, self._stream, self._begun = total, stream, monotonic()
        self._before = self._count = 0
        self._ended = threading.Event()
        self._drawn = False

    def begin(self, before: int) -> None:
        """Begin to count anew, after so many that are done."""
        self._before, self._count = before, before

    def done(self, count: int) -> None:
        """Say how many are done since counting began."""
        self._count = self._before + count

    def line(self) -> str:
        """Return what is shown now."""
        elapsed = monotonic() - self._begun
        if self._total is None:
            return f"{self._count} runs, {elapsed:.0f} s"
        filled = _BAR * self._count // self._total
        return f"[{'#' * filled}{'.' * (_BAR - filled)}] {self._count} of {self._total} runs, {elapsed:.0f} s"

    def draw(self) -> None:
        """Show it again and again, from two seconds on, until `end`."""
        wait = SHOWN_AFTER_SECONDS
        while not self._ended.wait(wait):
            wait = _EACH_SECONDS
            self._drawn = True
            self._stream.write(f"{_CLEAR}{self.line()}")
            self._stream.flush()

    def end(self) -> None:
        """Show it no more, and leave no trace of it."""
        self._ended.set()

    def clear(self) -> None:
        """Take the line away, if there is one."""
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()


@contextmanager
def progress(total: int | None, stream: TextIO | None = None) -> Iterator[Progress]:
    """Show how many runs of a total (None: nobody knows it) are done, beyond two seconds, if it is a terminal."""
    stream = stream or sys.stderr
    shown = Progress(total, stream)
    if not stream.isatty():
        yield shown
        return
    drawing = threading.Thread(target=shown.draw, daemon=True)
    drawing.start()
    try:
        yield shown
    finally:
        shown.end()
        drawing.join()
        shown.clear()
