"""Wakes the main thread: on SIGTERM, on SIGINT, or when a thread of the worker crashed. `runtime` waits for it.

Each event is one byte in a pipe, because the interpreter itself writes to it whenever a signal arrives. A main thread
that waited in `queue.SimpleQueue.get()` slept through a SIGTERM now and then (seen with Python 3.11.7 on a busy
machine).
"""

import os
import select
import signal

SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""What ends a worker."""

CRASH = 0
"""Written instead of a signal's number when a thread of the worker crashed."""


def end_at_once() -> None:
    """Let SIGTERM and SIGINT end the process, until there is a SignalPipe: nothing has been received yet.

    The first process of a container ignores signals for which it has set nothing.
    """
    for signum in SIGNALS:
        signal.signal(signum, lambda *_: os._exit(0))


class SignalPipe:
    """The events so far, in order. Make it in the main thread; there can be only one."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for signum in SIGNALS:
            signal.signal(signum, lambda *_: None)  # Python writes the number to the pipe; nothing else is to be done

    def write_crash(self) -> None:
        """Wake the main thread because a thread of the worker crashed."""
        os.write(self._write_end, bytes((CRASH,)))

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Return the next event, or None after the timeout; wait for ever without one."""
        ready, _, _ = select.select((self._read_end,), (), (), timeout_seconds)
        return os.read(self._read_end, 1)[0] if ready else None
