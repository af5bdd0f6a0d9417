"""One line on a terminal that says how far a command is, once it takes longer than two seconds."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from queueworker.tools.shown import duration

SHOWN_AFTER_SECONDS: Final = 2.0
_INTERVAL_SECONDS: Final = 0.25
_CLEARED: Final = "\r\x1b[K"


class Stream(Protocol):
    """Where the line goes; the standard error of a process."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> object:
        """Let it be seen."""

    def isatty(self) -> bool:
        """Return whether it is a terminal."""


class Progress:
    """Writes the line over and over in one place, where the stream is a terminal; nothing elsewhere.

    Where it cannot be written any more, it is left out: the work goes on.
    """

    def __init__(self, stream: Stream, clock: Callable[[], float]) -> None:
        """Begin now by a monotonic clock, in seconds."""
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._next_at = self._began + SHOWN_AFTER_SECONDS
        self._shown = False

    @property
    def seconds(self) -> float:
        """Seconds since the begin."""
        return self._clock() - self._began

    def update(self, verb: str, done: int, seen: int, total: int) -> None:
        """Show so many messages as done; `seen` were looked at, of about `total`."""
        self._show(lambda seconds: line(verb, done, seen, total, seconds))

    def release(self, unconfirmed: int) -> None:
        """Show that so many messages are not yet deleted or released."""
        self._show(lambda _: f"settling {unconfirmed:,} in hand")

    def _show(self, text: Callable[[float], str]) -> None:
        now = self._clock()
        if now >= self._next_at and self._stream.isatty():
            self._next_at, self._shown = now + _INTERVAL_SECONDS, True
            self._write(_CLEARED + text(now - self._began))

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            self._write(_CLEARED)

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal may have been closed
            self._stream.write(text)
            self._stream.flush()


def line(verb: str, done: int, seen: int, total: int, seconds: float) -> str:
    """Return what is shown after so many seconds."""
    rate = seen / seconds if seconds else 0.0
    left = duration((total - seen) / rate) if rate and total > seen else "little"
    return f"{verb} {done:,}, looked at {seen:,} of about {total:,}; {rate:,.0f}/s, {left} left"
