"""One message's way through a handler: started, run, judged, ended. What threads and coroutines have in common.

The receiver hands messages in, the custodian is told how each ended, and the slot becomes free. Where messages have
groups, the lanes decide which may start. How a handler runs is the matter of `threaded` and `coroutines`.
"""

import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from queueworker.backoff import retry_seconds
from queueworker.errors import SqsError
from queueworker.handlers.dead_letters import DeadLetters
from queueworker.handlers.message_groups import Lanes
from queueworker.lease.manager import Custodian
from queueworker.lease.table import Lease
from queueworker.model import DELETE, RELEASE, Ending, InterruptedWorkError, Message, Reject, ReportedError, Retry
from queueworker.receive.limiter import Slots
from queueworker.stats import Run, Stats
from queueworker.threadpool import Crew

logger = logging.getLogger(__name__)

BURIERS = 2
"""Requests to the dead-letter queue at the same time."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the work on a message touches."""

    custodian: Custodian
    slots: Slots
    stats: Stats
    concurrency: int
    retry_base_seconds: int
    dead_letters: DeadLetters | None = None
    jitter: Callable[[], float] = random.random


class Work(ABC):
    """Runs a handler over messages. Every lease that enters is ended, and its slot given back."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._lanes: Lanes[Lease] = Lanes()
        self._lock = threading.Lock()
        # Whoever takes a lease out of this set decides about it; Python's sets do that atomically.
        self._unstarted: set[Lease] = set()
        self._buriers = Crew("dead letter", BURIERS)

    @abstractmethod
    def stop(self) -> None:
        """Interrupt the handlers that can be; their messages go back. Returns when these have ended."""

    @abstractmethod
    def _start(self, lease: Lease) -> None: ...

    def accept(self, leases: Sequence[Lease]) -> None:
        """Start the messages, or queue them in the lanes of their groups. Each has a slot."""
        self._unstarted.update(leases)
        for lease in leases:
            if lease.message.group is None or self._enter(lease.message.group, lease):
                self._start(lease)
        if self._around.slots.closed:
            self.give_back()

    def give_back(self) -> None:
        """After the gate has closed: release what was not started."""
        while self._unstarted:
            with suppress(KeyError):  # a handler's thread was faster
                self._around.custodian.end(self._unstarted.pop(), RELEASE)

    def _enter(self, group: str, lease: Lease) -> bool:
        with self._lock:
            return self._lanes.enter(group, lease)

    def _begin(self, lease: Lease) -> tuple[Message, Run] | None:
        """What the handler is given, and the start of its time; None when the message went back meanwhile."""
        try:
            self._unstarted.remove(lease)
        except KeyError:
            self._make_room(lease, succeeded=False)
            return None
        message = self._around.custodian.lend(lease)
        if message is None:
            self._make_room(lease, succeeded=False)
            return None
        return message, self._around.stats.start(message.sent_timestamp)

    def _finish(self, lease: Lease, run: Run, error: BaseException | None) -> None:
        seconds = self._around.stats.finish(run, succeeded=error is None)
        if error is None:
            self._end(lease, DELETE)
            return
        _log_failure(lease, error, seconds)
        if isinstance(error, Reject) and self._around.dead_letters is not None:
            self._buriers.submit(partial(self._bury, self._around.dead_letters, lease, error))
        else:
            self._end(lease, self._ending(lease, error))

    def _bury(self, dead_letters: DeadLetters, lease: Lease, rejected: Reject) -> None:
        try:
            dead_letters.send(lease.message, rejected.reason)
        except SqsError as error:
            about = {"message_id": lease.message.id, "reason": error.reason, "problem": str(error)}
            logger.error("cannot send to the dead-letter queue", extra=about)  # noqa: TRY400 -- the reason says it all
            self._end(lease, self._ending(lease, error))
        else:
            self._end(lease, DELETE)

    def _ending(self, lease: Lease, error: BaseException) -> Ending:
        if isinstance(error, Retry):
            return Ending(error.after_seconds)
        if isinstance(error, InterruptedWorkError):
            return RELEASE
        around = self._around
        return Ending(retry_seconds(around.retry_base_seconds, lease.message.receive_count, around.jitter()))

    def _end(self, lease: Lease, ending: Ending) -> None:
        self._around.custodian.end(lease, ending)
        self._make_room(lease, succeeded=ending is DELETE)

    def _make_room(self, lease: Lease, *, succeeded: bool) -> None:
        """Free the slot, and let the group's next message go ahead, or all of them back after a failure."""
        if lease.message.group is not None:
            self._leave(lease.message.group, succeeded=succeeded)
        self._around.slots.give_back()

    def _leave(self, group: str, *, succeeded: bool) -> None:
        with self._lock:
            following = self._lanes.advance(group) if succeeded else None
            stopped = [] if succeeded else self._lanes.stop(group)
        for lease in stopped:
            self._unstarted.discard(lease)
            self._around.custodian.end(lease, RELEASE)
        self._around.slots.give_back(len(stopped))
        if following is not None:
            self._start(following)


def _log_failure(lease: Lease, error: BaseException, seconds: float) -> None:
    message = lease.message
    about: dict[str, object] = {"message_id": message.id, "receive_count": message.receive_count}
    about |= {"seconds": round(seconds, 3), **message.trace_context}
    if isinstance(error, Retry | InterruptedWorkError):
        logger.info("a message goes back to the queue", extra=about | {"because": str(error) or "the worker ends"})
    elif isinstance(error, Reject):
        logger.error("the handler rejects the message", extra=about | {"because": error.reason[:500]})
    elif isinstance(error, ReportedError):
        traced = {"traceback": error.traceback} if error.traceback else {}
        logger.error("the handler failed", extra=about | {"error": str(error)[:500]} | traced)
    else:
        text = f"{type(error).__name__}: {error}"
        logger.error("the handler failed", exc_info=error, extra=about | {"error": text[:500]})
