"""Receives all messages of a queue, batch by batch, through faults that pass. `redrive` and `peek` look through it."""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from queueworker.backoff import request_delay_seconds
from queueworker.errors import (
    AnswerInvalidError,
    CredentialsUnavailableError,
    SqsError,
    ThrottledError,
    UnreachableError,
)
from queueworker.lease.records import BATCH_SIZE
from queueworker.tools.held import Held, HeldMessages, Pause

logger = logging.getLogger(__name__)

PASSING: Final = (ThrottledError, UnreachableError, CredentialsUnavailableError, AnswerInvalidError)
"""Failures that may pass by themselves."""
TRIES: Final = 5
_BACKOFF_BASE_SECONDS, _BACKOFF_LIMIT_SECONDS = 0.2, 5.0
LONGEST_WAIT_SECONDS: Final = 1
_WAITS: Final = (0, LONGEST_WAIT_SECONDS)
"""Seconds that a receive waits for messages, after so many empty ones. Without a wait, some of SQS's servers
answer; with one, all of them."""


class Look:
    """One look through a queue."""

    def __init__(self, held: HeldMessages, pause: Pause) -> None:
        """Take the messages in hand, and what waits and says whether to end."""
        self._held = held
        self._pause = pause
        self.stopped = False
        """Whether a signal ended it."""

    def pause(self, seconds: float) -> bool:
        """Wait; return whether the look is to end."""
        self.stopped = self.stopped or self._pause(seconds)
        return self.stopped

    def batches(self, wanted: Callable[[], int]) -> Iterator[list[Held]]:
        """Yield messages that were not seen before, until the queue shows none or a signal comes.

        Args:
            wanted: returns how many more to receive, at most; with 0 the look ends.

        Raises:
            SqsError: SQS did not answer with messages, also after some tries.
        """
        empty = 0
        while empty < len(_WAITS) and not self.pause(0) and (limit := min(BATCH_SIZE, wanted())):
            found = self._receive(limit, _WAITS[empty])
            empty = empty + 1 if found is None else 0
            if found:
                yield found

    def _receive(self, limit: int, wait_seconds: int) -> list[Held] | None:
        for failures in range(1, TRIES):
            try:
                return self._held.receive(limit, wait_seconds)
            except PASSING as error:
                log_passing("receive failed", error)
            if self.back_off(failures):
                return None
        return self._held.receive(limit, wait_seconds)

    def back_off(self, failures: int) -> bool:
        """Wait the longer the more failures there were in a row; return whether the look is to end."""
        return self.pause(request_delay_seconds(_BACKOFF_BASE_SECONDS, _BACKOFF_LIMIT_SECONDS, failures, 0))


def log_passing(what: str, error: SqsError) -> None:
    """Log a failure after which is tried again."""
    logger.warning(what, extra=error.log_fields)
