"""Whether this process works, as two verdicts: alive (else restart it) and ready (else do not count on it).

Whoever works reports signs of life, `server` asks for the verdicts. An outage of the API server or of SQS alone never
makes the process dead: a restart would not help. So a thread that waits for its socket is never a stuck one, and
whoever is refused is alive, for it tried.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

LOOP_SECONDS = 30.0
"""The event loop reports every second; one that was silent for this long is frozen."""

WATCH_TRIES_SECONDS = 50.0
"""A watch asks anew every 10 s, or after 12 s of silence, or more often while the API server is away. One that hangs is
ended and begun anew, which takes 40 s at most: one that did not ask for this long is dead."""

WATCH_HEARD_SECONDS = 90.0
"""A watch that got no answer for this long, although it asks every 10 s, cannot be trusted."""

JOB_SECONDS = 45.0
"""What a thread does for a request takes milliseconds, besides the waiting for its socket. One that does anything else
for this long is stuck: a deadlock."""

OVERDUE_SECONDS = 45.0
"""Ticks begin milliseconds after they are due, in every outage: the waiting is done in them."""

_SOCKET_FILES = ("socket.py", "ssl.py", "connection.py")
"""Where a thread is while it looks up, connects, says hello, sends or receives: Python's modules, and urllib3's."""


class Jobs:
    """What the threads of one executor do. Safe to use from any thread."""

    def __init__(self) -> None:
        self._begun: dict[int, float] = {}

    @contextmanager
    def job(self) -> Iterator[None]:
        """One job, in the thread that does it."""
        me = threading.get_ident()
        self._begun[me] = time.monotonic()
        try:
            yield
        finally:
            del self._begun[me]

    def stuck_seconds(self, now: float) -> float:
        """For how long the oldest job has been under way, unless the reason is a socket."""
        ages = {thread: now - begun for thread, begun in self._begun.copy().items()}
        frames = sys._current_frames()  # noqa: SLF001 -- the documented way to see what other threads do
        # Others may wait for what a thread brings that waits for its socket, such as credentials.
        if any(age >= JOB_SECONDS and _waits(frames.get(thread)) for thread, age in ages.items()):
            return 0.0
        return max(ages.values(), default=0.0)


def _waits(frame: FrameType | None) -> bool:
    """Whether a thread waits for a socket."""
    return frame is not None and frame.f_code.co_filename.endswith(_SOCKET_FILES)


@dataclass(slots=True)
class Vitals:
    """Signs of life, in seconds of one monotonic clock."""

    loop: float
    watch_tried: dict[str, float] = field(default_factory=dict)
    watch_heard: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, Jobs] = field(default_factory=dict)
    overdue: Callable[[], float] = lambda: 0.0
    """For how long the most belated pool has been due without being begun."""

    def tries(self, kinds: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        """The watches of these kinds are being tried."""
        for kind in kinds:
            self.watch_tried[kind] = clock()

    def watch_silence(self, now: float) -> dict[str, float]:
        """For how long each watch has neither been tried nor answered."""
        tried = self.watch_tried.copy()
        return {kind: now - max(last, self.watch_heard.get(kind, last)) for kind, last in tried.items()}

    def trouble(self, now: float) -> list[str]:
        """Why the process should be restarted; empty when it is alive."""
        found = []
        if now - self.loop >= LOOP_SECONDS:
            found.append(f"the event loop is frozen for {now - self.loop:.0f} s")
        for kind, silence in self.watch_silence(now).items():
            if silence >= WATCH_TRIES_SECONDS:
                found.append(f"the watch of {kind} is dead for {silence:.0f} s")
        for whose, jobs in self.jobs.items():
            if (stuck := jobs.stuck_seconds(now)) >= JOB_SECONDS:
                found.append(f"a thread of {whose} is stuck for {stuck:.0f} s")
        if (overdue := self.overdue()) >= OVERDUE_SECONDS:
            found.append(f"a pool is due for {overdue:.0f} s, and nobody begins")
        return found

    def blindness(self, now: float, kinds: tuple[str, ...]) -> list[str]:
        """Why the process cannot be counted on; empty when it is ready."""
        found = self.trouble(now)
        for kind in kinds:
            heard = self.watch_heard.get(kind)
            if heard is None:
                found.append(f"{kind} are not listed yet")
            elif now - heard >= WATCH_HEARD_SECONDS:
                found.append(f"nothing was heard of {kind} for {now - heard:.0f} s")
        return found
