"""The life of a worker: starts the parts, waits for a signal, drains. `__main__` calls it with a checked handler.

Draining keeps one promise: when the process ends, SQS counts nothing as in flight because of it.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable, Mapping

from queueworker.handlers.loading import Handler, is_coroutine_function
from queueworker.handlers.threads import ThreadWork
from queueworker.handlers.work import Surroundings, Work
from queueworker.lease.manager import Custodian
from queueworker.lease.table import Leases
from queueworker.receive.limiter import Slots
from queueworker.receive.receiver import Receiver
from queueworker.server import Answers, StateServer
from queueworker.settings import Settings
from queueworker.signals import CRASH, Notes
from queueworker.sqs import DeadLetterQueue, Sqs
from queueworker.stats import Count, Stats

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 4.0
"""How long the last deletes and releases may take after the grace."""

FROZEN_SECONDS = 60.0
"""The custodian looks around every second while it holds messages; one that was silent for so long is frozen."""

CONNECTIONS = 8
_GLANCE_SECONDS = 0.02
_STEADY_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former is Linux's


def steady_seconds() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps, as the queue does."""
    return time.clock_gettime(_STEADY_CLOCK)


def work_of(handler: Handler, around: Surroundings) -> Work:
    """The kind of work that fits the handler."""
    if is_coroutine_function(handler):
        from queueworker.handlers.coroutines import CoroutineWork  # noqa: PLC0415 -- see there

        return CoroutineWork(handler, around)
    return ThreadWork(handler, around)


class Runtime:
    """One worker process."""

    def __init__(self, settings: Settings, handler: Handler, clock: Callable[[], float] = steady_seconds) -> None:
        """Build the parts and serve the state. Raises UsageError, or OSError when the port cannot be bound."""
        self._settings = settings
        self._clock = clock
        self._notes = Notes()
        self._hurried = False
        sqs = Sqs(settings.queue, settings.wait_seconds, settings.visibility_seconds, CONNECTIONS)
        dead_letters = DeadLetterQueue(settings.dead_letter_queue) if settings.dead_letter_queue else None
        self._stats = Stats(clock)
        self._slots = Slots(settings.concurrency + settings.prefetch)
        self._custodian = Custodian(sqs, Leases(settings.visibility_seconds), self._stats, clock)
        around = Surroundings(
            self._custodian, self._slots, self._stats, settings.concurrency, settings.retry_seconds, dead_letters
        )
        self._work = work_of(handler, around)
        self._receiver = Receiver(sqs, self._work, around, clock)
        self._server = StateServer(settings.state_host, settings.state_port, self._answers())

    def run(self) -> int:
        """Work until SIGTERM or SIGINT; returns the exit code."""
        logger.info("worker started", extra={"queue": self._settings.queue, "port": self._server.port})
        gc.freeze()  # what is loaded by now stays; to look through botocore's models again and again costs a tenth
        self._thread("custodian", self._custodian.run)
        # A poll that the grace has no room for would be cut off, and what it brings stay hidden for nothing.
        wait = min(self._settings.wait_seconds, max(1, self._settings.grace_seconds))
        visibility = self._settings.visibility_seconds
        receiving = self._thread("receiver", lambda: self._receiver.run(wait, visibility))
        note = self._notes.wait()
        stranded = self._drain(receiving)
        return 1 if stranded or note == CRASH else 0

    def _thread(self, name: str, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception:
                logger.critical("a part of the worker crashed", exc_info=True, extra={"part": name})
                self._notes.add_crash()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    def _drain(self, receiving: threading.Thread) -> int:
        """Stop receiving, finish or give back, delete; returns how many messages stay in flight because of us.

        The last poll is waited for, as the handlers are; what it brings goes back at once.
        """
        began = self._clock()
        logger.info("draining", extra={"held": len(self._custodian), "grace_seconds": self._settings.grace_seconds})
        self._custodian.limit(began + self._settings.grace_seconds)
        self._slots.close()
        self._work.give_back()
        self._custodian.flush()
        self._until(lambda: not receiving.is_alive() and not len(self._custodian), began + self._settings.grace_seconds)
        if len(self._custodian) or (receiving.is_alive() and not self._hurried):
            self._interrupt(receiving)
        held = len(self._custodian)
        self._stats.add(Count.STRANDED, held)
        ended = {"left_in_flight": held, **{str(what): n for what, n in self._stats.snapshot().counts.items()}}
        logger.log(logging.ERROR if held else logging.INFO, "worker ended", extra=ended)
        return held

    def _interrupt(self, receiving: threading.Thread) -> None:
        """Give back what is still being worked on; the last poll has a last chance, unless somebody hurries."""
        cut_off = self._hurried
        self._work.stop()
        for lease in self._custodian.end_all():
            logger.warning("the grace is over: a message goes back", extra={"message_id": lease.message.id})
        self._hurried = False
        self._until(
            lambda: not len(self._custodian) and (cut_off or not receiving.is_alive()), self._clock() + FLUSH_SECONDS
        )

    def _until(self, condition: Callable[[], bool], deadline: float) -> None:
        """Wait for the condition; another signal cuts it short. Glances are cheap here: the process is ending."""
        while not condition() and not self._hurried and self._clock() < deadline:
            self._hurried = bool(self._notes.wait(_GLANCE_SECONDS))  # a crash does not hurry

    def _answers(self) -> Answers:
        return Answers(self._state, self._trouble, self._unready, self._metrics())

    def _state(self) -> Mapping[str, object]:
        numbers = self._stats.snapshot()
        return {
            "busy": numbers.busy,
            "concurrency": self._settings.concurrency,
            "draining": self._slots.closed,
            "processed": numbers.counts[Count.SUCCEEDED],
            "failed": numbers.counts[Count.FAILED],
            "busySeconds": round(numbers.busy_seconds, 3),
            "oldestBusySeconds": round(numbers.oldest_seconds, 3),
        }

    def _trouble(self) -> list[str]:
        silent = self._clock() - self._custodian.beat
        frozen = len(self._custodian) and silent > FROZEN_SECONDS
        return [f"held messages were not looked after for {silent:.0f} s"] if frozen else []

    def _unready(self) -> list[str]:
        reasons = self._trouble()
        if not self._receiver.answered:
            reasons.append("SQS has not answered yet")
        if self._slots.closed:
            reasons.append("draining")
        return reasons

    def _metrics(self) -> Callable[[str], tuple[bytes, str]]:
        made: list[Callable[[str], tuple[bytes, str]]] = []

        def render(accept: str) -> tuple[bytes, str]:
            from queueworker.metrics import Facts, Metrics  # noqa: PLC0415 -- loaded at the first scrape, see there

            def look() -> Facts:
                concurrency, lag = self._settings.concurrency, self._custodian.lag()
                return Facts(self._stats.snapshot(), concurrency, self._slots.closed, lag)

            if not made:
                made.append(Metrics(look).render)
            return made[0](accept)

        return render
