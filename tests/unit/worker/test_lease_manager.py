"""How the lease manager sends what the table asks for: many requests at a time, and none of them forgotten."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from devcluster.processes import wait_until
from queueworker.errors import UnreachableError
from queueworker.lease.manager import MIN_SENDERS, LeaseManager, senders_for
from queueworker.lease.table import LeaseTable
from queueworker.model import DELETE, MOVED, RELEASE, EntryFailure, Message
from queueworker.stats import Count, Stats
from queueworker.testing import Clock
from tests.unit.worker.lease_builders import messages

VISIBILITY_SECONDS = 2
ANSWER_SECONDS = 0.3


class SlowQueue:
    """A queue whose answers take their time, in seconds of whoever lets it pass."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self.deleted: list[str] = []
        self.raises: Exception | None = None
        self.at_next_change: Callable[[], None] = lambda: None

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        if error := self.raises:
            self.raises = None
            raise error
        self.deleted += receipt_handles
        return {}

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as SqsQueue
        at_change, self.at_next_change = self.at_next_change, lambda: None
        at_change()
        self._sleep(ANSWER_SECONDS)
        return {}


class Managed:
    """A running manager of a slow queue."""

    def __init__(self, senders: int) -> None:
        self.queue = SlowQueue()
        self.stats = Stats(time.monotonic)
        self.done: list[str] = []
        self.unfinished: list[int] = []
        self.manager = LeaseManager(
            queue=self.queue,
            table=LeaseTable(VISIBILITY_SECONDS),
            stats=self.stats,
            clock=time.monotonic,
            senders=senders,
            after_delete=self.after_delete,
        )
        self.thread = threading.Thread(target=self.manager.run, daemon=True)
        self.thread.start()

    def after_delete(self, message: Message) -> None:
        assert message.receipt_handle in self.queue.deleted
        self.unfinished.append(len(self.manager))
        self.done.append(message.receipt_handle)


@pytest.fixture
def managed(request: pytest.FixtureRequest) -> Iterator[Managed]:
    running = Managed(request.param)
    yield running
    running.manager.close()
    running.thread.join(60)


@pytest.mark.parametrize(("held", "senders"), [(1, MIN_SENDERS), (40, 4), (41, 5), (1000, 100)])
def test_each_batch_that_may_be_due_has_a_sender(held: int, senders: int) -> None:
    assert senders_for(held) == senders


def most_expired(senders: int) -> int:
    """Return how many of 500 messages have expired at most, at any time, while they are extended again and again."""
    clock = Clock()
    manager = LeaseManager(
        queue=SlowQueue(clock.advance),
        table=LeaseTable(VISIBILITY_SECONDS),
        stats=Stats(lambda: clock.now),
        clock=lambda: clock.now,
        senders=senders,
        primitives=clock,
    )
    expired = [0]
    with clock.run(60):
        clock.start("lease manager", manager.run)
        leases = manager.add(list(messages(500)), hidden_since=clock.now)
        while clock.now < 2.5 * VISIBILITY_SECONDS:
            clock.advance(0.02)
            expired.append(sum(lease.expires_at < clock.now for lease in leases))
    return max(expired)


def test_no_message_of_many_expires_while_sqs_is_slow() -> None:
    assert most_expired(senders_for(500)) == 0
    assert most_expired(MIN_SENDERS) > 0, "more senders are needed for so many"


@pytest.mark.parametrize("managed", [MIN_SENDERS], indirect=True)
def test_a_message_is_done_with_when_sqs_has_deleted_it_after_success(managed: Managed) -> None:
    handled, moved, released = managed.manager.add(list(messages(3)), hidden_since=time.monotonic())
    managed.manager.flush()
    managed.manager.settle(moved, MOVED)
    managed.manager.settle(released, RELEASE)
    until_unsettled(managed, 1)
    assert managed.queue.deleted == ["r1"]
    assert managed.done == [], "what was moved to the dead-letter queue is still needed, with what it points to"
    managed.manager.settle(handled, DELETE)
    until_unsettled(managed, 0)
    assert managed.done == ["r0"]
    assert managed.unfinished == [1], "a worker that ends waits for what is still to be done about it"


def until_unsettled(managed: Managed, number: int) -> None:
    until = time.monotonic() + 60
    while len(managed.manager) > number:
        assert time.monotonic() < until, "a message was not settled"
        time.sleep(0.01)


class SlowStats(Stats):
    """Counts that take their time, as where a thread is put aside in between."""

    def add(self, count: Count, number: int = 1) -> None:
        threading.Event().wait(0.1)
        super().add(count, number)


def test_a_message_that_is_done_with_is_counted() -> None:
    """A worker that ends says how many it has deleted, once there are no more."""
    stats = SlowStats(time.monotonic)
    manager = LeaseManager(
        queue=SlowQueue(), table=LeaseTable(VISIBILITY_SECONDS), stats=stats, clock=time.monotonic, senders=1
    )
    (lease,) = manager.add(list(messages(1)), hidden_since=time.monotonic())
    manager.flush()
    manager.settle(lease, DELETE)
    running = threading.Thread(target=manager.run, daemon=True)
    running.start()
    wait_until(lambda: not len(manager), 60, "the message was not deleted")
    assert stats.snapshot().counts[Count.DELETED] == 1
    manager.close()
    running.join(60)


@pytest.mark.parametrize("managed", [MIN_SENDERS], indirect=True)
def test_a_request_that_raises_whatever_it_may_is_sent_again(managed: Managed) -> None:
    managed.queue.raises = RuntimeError("a library's fault")
    (lease,) = managed.manager.add(list(messages(1)), hidden_since=time.monotonic())
    managed.manager.flush()
    managed.manager.settle(lease, DELETE)
    until = time.monotonic() + 60
    while len(managed.manager):
        assert time.monotonic() < until, "the message is asked for never again"
        time.sleep(0.01)
    assert managed.queue.deleted == ["r0"]


@pytest.mark.parametrize("managed", [MIN_SENDERS], indirect=True)
def test_a_release_is_done_when_the_message_is_here_again_although_its_answer_was_lost(
    managed: Managed, caplog: pytest.LogCaptureFixture
) -> None:
    (message,) = messages(1)

    def shown_again() -> None:
        managed.manager.add([replace(message, receipt_handle="new")], hidden_since=time.monotonic())
        raise UnreachableError("the answer was lost")

    managed.queue.at_next_change = shown_again
    (lease,) = managed.manager.add([message], hidden_since=time.monotonic())
    managed.manager.settle(lease, RELEASE)
    until = time.monotonic() + 60
    while not managed.stats.snapshot().counts[Count.RELEASED]:
        assert time.monotonic() < until, "the release is not counted"
        time.sleep(0.01)
    assert (len(managed.manager), managed.stats.snapshot().counts[Count.STRANDED]) == (1, 0)
    assert caplog.messages == [], "nothing has failed"


HOURS = 60 * 60.0


@pytest.mark.parametrize(
    ("seconds_later", "deadline", "lost", "cancelled"),
    [
        pytest.param(0, None, False, False, id="at first"),
        pytest.param(11 * HOURS, None, False, False, id="after hours"),
        pytest.param(12 * HOURS, None, False, True, id="at SQS's limit"),
        pytest.param(24, 25, False, False, id="before the end of the grace period"),
        pytest.param(25, 25, False, True, id="at the end of the grace period"),
        pytest.param(1, None, True, True, id="SQS has refused to extend it"),
    ],
)
def test_a_message_is_cancelled_once_there_is_no_time_left_or_it_is_no_longer_ours(
    seconds_later: float, deadline: float | None, lost: bool, cancelled: bool
) -> None:
    now = 0.0
    manager = LeaseManager(
        queue=SlowQueue(), table=LeaseTable(VISIBILITY_SECONDS), stats=Stats(lambda: now), clock=lambda: now
    )
    (lease,) = manager.add([*messages(1)], hidden_since=0)
    message = manager.message_to_start(lease)
    assert message is not None
    if deadline is not None:
        manager.set_deadline(deadline)
    lease.lost, now = lost, seconds_later
    assert message.cancelled is cancelled
    assert (message.deadline - time.time() <= 0) is cancelled


def test_only_messages_that_are_not_settled_are_worked_on() -> None:
    manager = LeaseManager(queue=SlowQueue(), table=LeaseTable(30), stats=Stats(lambda: 0.0), clock=lambda: 0.0)
    first, *_ = manager.add([*messages(3)], hidden_since=0)
    manager.settle(first, DELETE)
    assert (manager.unsettled(), len(manager)) == (2, 3)
