"""Moves messages from a dead-letter queue back: sends a copy of each, and deletes it once SQS has confirmed the copy.

The command `redrive` calls it. No message is lost; one is sent twice where the process is killed, or an answer of SQS
is lost, between its copy and its delete (a FIFO queue drops the second copy for five minutes).

SQS's own StartMessageMoveTask cannot choose among messages, and cannot be tried without moving them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from queueworker.errors import SqsError
from queueworker.lease.records import BATCH_SIZE
from queueworker.model import REASON_ATTRIBUTE, EntryFailure, Message, StoredMessage
from queueworker.sqs.copies import size_of
from queueworker.tools.filters import Filters
from queueworker.tools.held import Held, HeldMessages, Pause
from queueworker.tools.looking import PASSING, TRIES, Look, log_passing
from queueworker.tools.outcome import ARRIVED, FILTERED, UNSEEN, UNSENT, Left, Outcome
from queueworker.tools.pacing import TokenBucket
from queueworker.tools.progress import Progress
from queueworker.tools.routes import Routes

MAX_BATCH_BYTES: Final = 256 * 1024
"""What every SQS takes in one request; one larger message goes alone."""
CLOCK_STEP_SECONDS: Final = 2.0
"""SQS's clock is read in whole seconds, which a server may keep for another one, as ElasticMQ does: what was sent up to
so much after what it said counts as sent before the start."""
SAMPLES: Final = 3
"""How many messages a dry run shows."""


class TargetQueue(Protocol):
    """Where copies go; see `SqsTargetQueue`."""

    def send(self, messages: Sequence[Message]) -> dict[int, EntryFailure]:
        """Send copies; return the failures by position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be moved.

    Args:
        filters: which messages.
        routes: where to.
        limit: at most so many; None: all.
        dry_run: move nothing.
        started_at: messages sent later are left, in seconds since 1970 by SQS's clock.
        expected: about how many messages there are.
    """

    filters: Filters
    routes: Routes
    limit: int | None
    dry_run: bool
    started_at: float
    expected: int

    def target_of(self, stored: StoredMessage) -> str | Left:
        """Return the URL of the queue that a message goes to, or why it stays."""
        sent = stored.message.sent_timestamp
        if sent is not None and sent >= self.started_at + CLOCK_STEP_SECONDS:
            return ARRIVED
        if not self.filters.match(stored.message):
            return FILTERED
        return self.routes.target_of(stored)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveContext:
    """What a run works with.

    Args:
        held: the messages in hand.
        open_target: returns the queue of a URL.
        bucket: how fast copies are sent; None: as fast as possible.
        pause: waits, and returns whether a signal has come.
        clock: a monotonic clock, in seconds.
        progress: what is shown meanwhile.
    """

    held: HeldMessages
    open_target: Callable[[str], TargetQueue]
    bucket: TokenBucket | None
    pause: Pause
    clock: Callable[[], float]
    progress: Progress


class Redrive:
    """One run."""

    def __init__(self, plan: Plan, context: RedriveContext) -> None:
        """Move nothing yet."""
        self._plan = plan
        self._context = context
        self._held = context.held
        self._look = Look(context.held, context.pause)
        self._targets: dict[str, TargetQueue] = {}
        self.outcome = Outcome()
        self.seconds = 0.0
        """How long it took."""
        self.samples: list[StoredMessage] = []
        """The first messages that were chosen."""

    def run(self) -> Outcome:
        """Move until the queue shows no more, the limit is reached, or a signal comes; then release what is left."""
        try:
            self._move_all()
        except SqsError as error:
            self.outcome.failure = error
        self.outcome.stopped = self._look.stopped
        self._count_unseen()
        progress = self._context.progress
        self.outcome.unconfirmed = self._held.close(self._context.pause, progress.release)
        progress.clear()
        self.seconds = self._context.progress.seconds
        return self.outcome

    def _move_all(self) -> None:
        for batch in self._look.batches(self._wanted):
            for url, chosen in self._by_target(batch).items():
                self._move(url, chosen)
            self._show_progress()

    def _show_progress(self) -> None:
        verb = "would move" if self._plan.dry_run else "moved"
        self._context.progress.update(verb, self.outcome.moved, self._held.seen, self._plan.expected)

    def _wanted(self) -> int:
        """Return how many messages to receive, at most; few of them may fit a filter."""
        if self._plan.limit is None:
            return BATCH_SIZE
        missing = self._plan.limit - self.outcome.moved
        return BATCH_SIZE if missing and self._plan.filters.conditions else missing

    def _by_target(self, batch: Sequence[Held]) -> dict[str, list[Held]]:
        """Return what is to be moved, in its order; count what stays."""
        chosen: dict[str, list[Held]] = {}
        for each in batch:
            target = self._plan.target_of(each.stored)
            if isinstance(target, Left):
                self.outcome.left[target] += 1
            else:
                chosen.setdefault(target, []).append(each)
                if len(self.samples) < SAMPLES:
                    self.samples.append(each.stored)
        return chosen

    def _move(self, url: str, chosen: Sequence[Held]) -> None:
        if self._plan.limit is not None:
            chosen = chosen[: self._plan.limit - self.outcome.moved]  # the others are released at the end
        if self._plan.dry_run:
            self.outcome.moved += len(chosen)
            return
        for batch in packed(chosen):
            self._send_paced(url, batch)

    def _send_paced(self, url: str, batch: Sequence[Held]) -> None:
        bucket = self._context.bucket
        while batch and not self._look.stopped:
            granted = bucket.take(len(batch), self._context.clock()) if bucket else len(batch)
            if granted:
                self._send(url, batch[:granted])
                batch = batch[granted:]
            elif bucket:
                self._look.pause(bucket.seconds_until_next())
        if batch:
            self.outcome.left[UNSENT] += len(batch)

    def _send(self, url: str, batch: Sequence[Held]) -> None:
        """Send copies and delete what was confirmed; try again what may pass."""
        for tried in range(1, TRIES + 1):
            failures = self._try_to_send(url, batch)
            self._confirm([each for index, each in enumerate(batch) if index not in failures])
            again = [index for index, failure in failures.items() if failure.retryable]
            if not again or tried == TRIES or self._look.back_off(tried):
                self._leave(failures.values())
                return
            self._leave(failure for failure in failures.values() if not failure.retryable)
            batch = [batch[index] for index in again]

    def _confirm(self, sent: Sequence[Held]) -> None:
        self._held.delete(sent)
        self.outcome.moved += len(sent)

    def _leave(self, failures: Iterable[EntryFailure]) -> None:
        self.outcome.left.update(_unsent(failure) for failure in failures)

    def _try_to_send(self, url: str, batch: Sequence[Held]) -> dict[int, EntryFailure]:
        try:
            return self._target(url).send([_as_sent(each.message) for each in batch])
        except PASSING as error:
            log_passing("send failed", error)
            failure = EntryFailure(error.reason, retryable=True, remedy=error.remedy)
            return dict.fromkeys(range(len(batch)), failure)
        except SqsError as error:
            self._leave([EntryFailure(error.reason, retryable=False)] * len(batch))
            raise

    def _target(self, url: str) -> TargetQueue:
        if url not in self._targets:
            self._targets[url] = self._context.open_target(url)
        return self._targets[url]

    def _count_unseen(self) -> None:
        """Count what the queue did not show, if all was wanted."""
        unseen = self._plan.expected - self._held.seen
        if unseen > 0 and self._wanted() and not (self.outcome.stopped or self.outcome.failure):
            self.outcome.left[UNSEEN] = unseen


def _as_sent(message: Message) -> Message:
    """Return the message as its sender wrote it, without what the worker added when it rejected it."""
    if REASON_ATTRIBUTE not in message.attributes:
        return message
    attributes = {name: value for name, value in message.attributes.items() if name != REASON_ATTRIBUTE}
    return replace(message, attributes=attributes)


def _unsent(failure: EntryFailure) -> Left:
    remedy = f" - {failure.remedy}" if failure.remedy else ""
    return Left(f"could not be sent ({failure.code}){remedy}")


def packed(chosen: Sequence[Held]) -> Iterator[list[Held]]:
    """Split messages into batches that SQS takes in one request, in their order."""
    batch: list[Held] = []
    size = 0
    for each in chosen:
        bytes_of = size_of(each.message)
        if batch and (len(batch) == BATCH_SIZE or size + bytes_of > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += bytes_of
    if batch:
        yield batch
