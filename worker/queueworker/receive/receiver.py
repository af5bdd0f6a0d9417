"""Receives messages, never more than there are free slots, and hands them on. Ends when the gate closes.

One thread polls. While it gets full batches others help: there is work enough, and an answer takes its time.

What arrives after the gate has closed is given back at once. A poll is never cut off while there is time: AWS serves
it although nobody listens any more, and the message is hidden and its receive count raised for nothing.
"""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from queueworker.backoff import pause_seconds
from queueworker.errors import SqsError
from queueworker.handlers.work import Surroundings, Work
from queueworker.lease.table import BATCH
from queueworker.model import Message
from queueworker.stats import Count
from queueworker.threadpool import Crew

logger = logging.getLogger(__name__)

MOST_HELPERS = 2
"""Answers of SQS that are waited for besides the first. With a fourth a process has nothing left to do meanwhile."""

FIRST_PAUSE_SECONDS = 0.5
LAST_PAUSE_SECONDS = 20.0

EMPTY_PAUSE_SECONDS = 1.0
"""An answer without messages that came sooner than this is not followed by the next request at once."""

UNSETTLED_LIMIT = 100
"""So many messages more than can be worked on may wait to be deleted or given back; then no more are received."""

UNSETTLED_PAUSE_SECONDS = 0.05

FIRST_WAIT_SECONDS = 1
"""How long the first poll after a message waits. Each empty one doubles it: a worker that was busy lately can end soon,
and an idle one costs little."""


class Source(Protocol):
    """Where messages come from."""

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive messages; see `Sqs`."""


class Receiver:
    """Polls a queue from `run` until the gate closes."""

    def __init__(self, source: Source, work: Work, around: Surroundings, clock: Callable[[], float]) -> None:
        """Take a monotonic clock, in seconds."""
        self._source = source
        self._work = work
        self._custodian = around.custodian
        self._slots = around.slots
        self._stats = around.stats
        self._clock = clock
        self._helpers = min(MOST_HELPERS, (self._slots.size - 1) // BATCH)  # one more would find no room for a batch
        self._crew = Crew("receiver", self._helpers)
        self._helping = threading.Semaphore(self._helpers)
        self._failures = 0
        self._wait = 0  # the first answer tells whether the queue can be used at all; it should not take a long poll
        self.answered = False
        """Whether SQS has ever answered."""

    def run(self, wait_seconds: int, visibility_seconds: int, jitter: Callable[[], float] = random.random) -> None:
        """Poll until the gate is closed."""
        while slots := self._slots.take(BATCH):
            asked, waited = self._clock(), self._wait
            if messages := self._poll(slots, waited, visibility_seconds):
                self._wait = min(wait_seconds, FIRST_WAIT_SECONDS)
                self._seek_help(messages, visibility_seconds)
                self._until_settled()
            elif self._failures:
                self._slots.pause(pause_seconds(FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, self._failures, jitter()))
            else:
                self._wait = min(wait_seconds, max(FIRST_WAIT_SECONDS, 2 * waited))
                if waited or not wait_seconds:
                    self._slots.pause(asked + EMPTY_PAUSE_SECONDS - self._clock())

        for _ in range(self._helpers):  # what the helpers have received is handed on as well
            self._helping.acquire()

    def _seek_help(self, messages: Sequence[Message], visibility_seconds: int) -> None:
        # Not where order matters: two answers could overtake each other on their way.
        plenty = len(messages) == BATCH and messages[0].group is None
        while plenty and self._helping.acquire(blocking=False):
            self._crew.submit(partial(self._help, visibility_seconds))

    def _help(self, visibility_seconds: int) -> None:
        """Poll as long as there is plenty, without waiting for messages."""
        try:
            while len(self._custodian) < self._slots.size + UNSETTLED_LIMIT // 2:
                slots = self._slots.take(BATCH)
                if not slots or len(self._poll(slots, 0, visibility_seconds)) < BATCH:
                    return
        finally:
            self._helping.release()

    def _poll(self, slots: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Ask once for as many messages as there are slots, and hand them on."""
        asked = self._clock()
        messages = self._receive(slots, wait_seconds, visibility_seconds)
        self._slots.give_back(slots - len(messages))
        if messages:
            self._hand_on(messages, asked)
        return messages

    def _receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        logger.debug("polling", extra={"most": most, "seconds": wait_seconds})
        try:
            messages = self._source.receive(most, wait_seconds, visibility_seconds)
        except SqsError as error:
            self._failures += 1
            self._stats.receive_failed(error.reason)
            logger.warning(
                "cannot receive",
                extra={"reason": error.reason, "problem": str(error), "failures_in_a_row": self._failures},
            )
            return []
        if self._failures or not self.answered:
            logger.info("receiving")
        self._failures = 0
        self.answered = True
        self._stats.add(Count.RECEIVED, len(messages))
        return messages

    def _until_settled(self) -> None:
        """Wait while SQS refuses what was asked about earlier messages: handling more of them would be in vain."""
        while len(self._custodian) >= self._slots.size + UNSETTLED_LIMIT and not self._slots.closed:
            self._slots.pause(UNSETTLED_PAUSE_SECONDS)

    def _hand_on(self, messages: Sequence[Message], asked: float) -> None:
        # SQS hid them some time between the request and now. To be safe, think of the earlier.
        leases = self._custodian.take(messages, asked)
        self._slots.give_back(len(messages) - len(leases))
        self._work.accept(leases)
