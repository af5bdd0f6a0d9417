"""What wakes the main thread: SIGTERM, SIGINT, or a part of the worker that crashed. Each is one byte in a pipe.

A pipe, because the interpreter itself writes to it whenever a signal arrives. A main thread that waited in
`queue.SimpleQueue.get()` slept through a SIGTERM now and then (seen with Python 3.11.7 on a busy machine).
"""

import os
import select
import signal

CRASH = 0
"""Noted instead of a signal's number when a part of the worker crashed."""


class Notes:
    """The notes that came, in order. Make it in the main thread; there can be only one."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: None)  # Python writes the number to the pipe; nothing else is to be done

    def add_crash(self) -> None:
        """Tell the main thread that a part of the worker crashed."""
        os.write(self._writing, bytes((CRASH,)))

    def wait(self, seconds: float | None = None) -> int | None:
        """The next note, or None after so many seconds; for ever without a number."""
        ready, _, _ = select.select((self._reading,), (), (), seconds)
        return os.read(self._reading, 1)[0] if ready else None
