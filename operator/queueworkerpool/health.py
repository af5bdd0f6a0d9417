"""Decides whether this process is alive (else it should be restarted) and ready (else it should not be relied on).

Every part reports signs of life, and `server` asks for the result. An outage of the API server or of SQS alone never
makes the process dead, because a restart would not help: a thread that waits for its socket is not stuck, and a part
whose requests are refused is alive. It restarts nothing itself.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from threadframes import current_frames

LOOP_FROZEN_SECONDS = 30.0
"""An event loop without a heartbeat for this long is frozen. It has one every second."""

WATCH_DEAD_SECONDS = 50.0
"""A watch without a request for this long is dead. It sends one every 10 s, or after 12 s of silence, or more often
while the API server is away; one that hangs is restarted within 40 s."""

WATCH_STALE_SECONDS = 90.0
"""A watch without an answer for this long, although it sends a request every 10 s, may be out of date."""

THREAD_STUCK_SECONDS = 45.0
"""A thread that works on one request for this long, and does not wait for its socket, is stuck: a deadlock. Its work
takes milliseconds."""

TICK_OVERDUE_SECONDS = 45.0
"""A tick that has not begun this long after it was due never will. Ticks begin within milliseconds, also in an outage,
because they wait only after they have begun."""

_SOCKET_FILES = ("socket.py", "ssl.py", "connection.py")
"""The modules in which a thread waits for its socket: Python's, and urllib3's."""


class Jobs:
    """The calls under way in the threads of one executor. Safe to use from any thread."""

    def __init__(self) -> None:
        self._begun: dict[int, float] = {}

    @contextmanager
    def job(self) -> Iterator[None]:
        """Record one call, in the thread that runs it."""
        me = threading.get_ident()
        self._begun[me] = time.monotonic()
        try:
            yield
        finally:
            del self._begun[me]

    def stuck_seconds(self, now: float) -> float:
        """Return for how many seconds the oldest call has been under way; 0 when the reason is a socket."""
        ages = {thread: now - begun for thread, begun in self._begun.copy().items()}
        old = [thread for thread, age in ages.items() if age >= THREAD_STUCK_SECONDS]
        frames = current_frames() if old else {}
        # Other threads may wait for one that waits for its socket, as when it fetches credentials.
        if any(_waits(frames.get(thread)) for thread in old):
            return 0.0
        return max(ages.values(), default=0.0)


def _waits(frame: FrameType | None) -> bool:
    """Return whether a thread waits for a socket."""
    return frame is not None and frame.f_code.co_filename.endswith(_SOCKET_FILES)


def _not_listed(refused: Collection[str]) -> str:
    """Return why a kind is not listed yet."""
    if not refused:
        return "are not listed yet"
    where = ", ".join(sorted(refused)) or "the cluster"
    return f"cannot be listed in {where}: a right is missing, or the namespace"


@dataclass(slots=True)
class HealthState:
    """The signs of life of all parts, in seconds of one monotonic clock.

    Args:
        loop: The event loop's last heartbeat.
        watch_attempts: Each watch's last request, by its kind.
        watch_responses: Each watch's last answer, by its kind.
        watch_refusals: How often the API server has refused a watch of pools: by a lack of rights, or of a namespace.
        jobs: The calls under way in each executor, by the name of what runs them.
        overdue: Returns for how many seconds the latest pool has been due without its tick.
        nobody_leads: Returns why this process neither leads nor stands by for one that does; empty when it does.
        refused: Returns the namespaces in which a kind cannot be listed; the empty name is the whole cluster.
    """

    loop: float
    watch_attempts: dict[str, float] = field(default_factory=dict)
    watch_responses: dict[str, float] = field(default_factory=dict)
    watch_refusals: int = 0
    jobs: dict[str, Jobs] = field(default_factory=dict)
    overdue: Callable[[], float] = lambda: 0.0
    nobody_leads: Callable[[], str] = lambda: ""
    refused: Callable[[str], Collection[str]] = lambda _: ()

    def watch_attempted(self, kinds: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Record that the watches of these kinds send a request now."""
        for kind in kinds:
            self.watch_attempts[kind] = clock()

    def watch_silence(self, now: float) -> dict[str, float]:
        """Return for how many seconds each watch has neither sent a request nor received an answer."""
        attempts = self.watch_attempts.copy()
        return {kind: now - max(last, self.watch_responses.get(kind, last)) for kind, last in attempts.items()}

    def liveness_failures(self, now: float) -> list[str]:
        """Return why the process should be restarted; empty when it is alive."""
        found = []
        if now - self.loop >= LOOP_FROZEN_SECONDS:
            found.append(f"the event loop is frozen for {now - self.loop:.0f} s")
        for kind, silence in self.watch_silence(now).items():
            if silence >= WATCH_DEAD_SECONDS:
                found.append(f"the watch of {kind} is dead for {silence:.0f} s")
        for name, jobs in self.jobs.items():
            if (stuck := jobs.stuck_seconds(now)) >= THREAD_STUCK_SECONDS:
                found.append(f"a thread of the {name} is stuck for {stuck:.0f} s")
        if (overdue := self.overdue()) >= TICK_OVERDUE_SECONDS:
            found.append(f"a pool is due for {overdue:.0f} s, and its tick has not begun")
        return found

    def readiness_failures(self, now: float, kinds: tuple[str, ...]) -> list[str]:
        """Return why the process should not lead; empty when it may."""
        found = self.liveness_failures(now)
        for kind in kinds:
            answered = self.watch_responses.get(kind)
            if answered is None:
                found.append(f"{kind} {_not_listed(self.refused(kind))}")
            elif now - answered >= WATCH_STALE_SECONDS:
                found.append(f"the watch of {kind} got no answer for {now - answered:.0f} s")
        return found

    def service_failures(self, now: float, kinds: tuple[str, ...]) -> list[str]:
        """Return why the process should not be relied on; empty when it leads, or could follow the one that does."""
        return self.readiness_failures(now, kinds) + [reason for reason in (self.nobody_leads(),) if reason]
