"""When messages are received, and when not."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import count

import pytest

from queueworker.errors import AccessDeniedError
from queueworker.handlers.threads import ThreadWork
from queueworker.handlers.work import WorkContext
from queueworker.lease.manager import LeaseManager
from queueworker.lease.table import LeaseTable
from queueworker.model import EntryFailure, Message
from queueworker.receive.limiter import CapacityLimiter
from queueworker.receive.receiver import MAX_UNCONFIRMED, ReceiveContext, Receiver
from queueworker.receive.shared_limiter import shared_limiters
from queueworker.stats import Count, Stats


class UndeletableQueue:
    """An endless queue whose messages may be received but not deleted, as with an incomplete policy."""

    def __init__(self) -> None:
        self._numbers = count()

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:  # noqa: ARG002 -- as SqsQueue
        return [Message(f"m{number}", "", f"r{number}") for _, number in zip(range(limit), self._numbers, strict=False)]

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        return dict.fromkeys(range(len(receipt_handles)), EntryFailure("AccessDenied", retryable=True))

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as SqsQueue
        return {}


class Environment:
    """A receiver with all that it works with; the handler does nothing."""

    def __init__(self, queue: UndeletableQueue, limiter: CapacityLimiter) -> None:
        self.stats, self.limiter = Stats(time.monotonic), limiter
        self.lease_manager = LeaseManager(queue=queue, table=LeaseTable(30), stats=self.stats, clock=time.monotonic)
        context = WorkContext(
            lease_manager=self.lease_manager,
            limiter=self.limiter,
            stats=self.stats,
            concurrency=min(limiter.total, 10),
            retry_base_seconds=0,
        )
        self.receiver = Receiver(
            ReceiveContext(
                queue=queue,
                consumer=ThreadWork(lambda _: None, context),
                lease_manager=self.lease_manager,
                limiter=self.limiter,
                stats=self.stats,
                clock=time.monotonic,
            )
        )

    def start(self, wait_seconds: int) -> threading.Thread:
        thread = threading.Thread(target=self.receiver.run, args=(wait_seconds, 30), daemon=True)
        thread.start()
        return thread


class RecordingQueue(UndeletableQueue):
    """A queue that records how long each poll waits, has messages at some polls only, and calls back at the last."""

    def __init__(self, filled: set[int], polls: int) -> None:
        super().__init__()
        self.waits: list[int] = []
        self.at_last_poll: Callable[[], None] = lambda: None
        self._filled, self._polls = filled, polls

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        self.waits.append(wait_seconds)
        if len(self.waits) == self._polls:
            self.at_last_poll()
        return super().receive(limit, wait_seconds, visibility_seconds) if len(self.waits) in self._filled else []


@pytest.mark.parametrize(
    ("filled", "longest", "waits"),
    [
        pytest.param(set(), 20, [0, 1, 2, 4, 8, 16, 20, 20], id="an idle queue: longer and longer"),
        pytest.param({4, 5}, 20, [0, 1, 2, 4, 1, 1, 2, 4], id="short again after a message"),
        pytest.param(set(), 3, [0, 1, 2, 3, 3, 3, 3, 3], id="never longer than the setting"),
        pytest.param({1}, 0, [0, 0], id="no long poll at all"),
    ],
)
def test_polls_get_longer_while_no_message_arrives(
    filled: set[int], longest: int, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworker.receive.receiver.EMPTY_POLL_INTERVAL_SECONDS", 0.0)
    queue = RecordingQueue(filled, len(waits))
    environment = Environment(queue, CapacityLimiter(10))
    queue.at_last_poll = environment.limiter.close
    environment.receiver.run(longest, 30)
    assert queue.waits == waits


class FillingQueue(RecordingQueue):
    """A queue that records for how many messages each poll asks, and fails at some."""

    def __init__(self, filled: set[int], failing: set[int], polls: int) -> None:
        super().__init__(filled, polls)
        self.limits: list[int] = []
        self._failing = failing

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        self.limits.append(limit)
        messages = super().receive(limit, wait_seconds, visibility_seconds)
        if len(self.limits) in self._failing:
            raise AccessDeniedError("no")
        return messages

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as SqsQueue
        return {}


@pytest.mark.parametrize(
    ("filled", "failing", "polls"),
    [
        pytest.param(set(), set(), [(1, 0), (1, 1), (1, 2), (1, 4)], id="an idle queue holds one slot while it waits"),
        pytest.param({2}, set(), [(1, 0), (1, 1), (9, 0), (1, 1)], id="after a message: more, and no wait"),
        pytest.param({1, 2, 3}, set(), [(1, 0), (9, 0), (9, 0), (9, 0)], id="while messages come: more"),
        pytest.param({1}, {2}, [(1, 0), (9, 0), (1, 1), (1, 2)], id="after a failure: one again"),
        pytest.param(set(), {1, 2}, [(1, 0), (1, 0), (1, 0), (1, 1)], id="failing from the beginning"),
    ],
)
def test_polls_of_a_queue_among_several_hold_little_unless_messages_come(
    filled: set[int], failing: set[int], polls: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworker.receive.receiver.EMPTY_POLL_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr("queueworker.receive.receiver.ERROR_BACKOFF_BASE_SECONDS", 0.0)
    monkeypatch.setattr("queueworker.receive.limiter.FULL_BATCH_TIMEOUT_SECONDS", 5.0)
    queue = FillingQueue(filled, failing, len(polls))
    limiter, _ = shared_limiters(10, (1, 1))
    environment = Environment(queue, limiter)
    threading.Thread(target=environment.lease_manager.run, daemon=True).start()
    queue.at_last_poll = limiter.close
    environment.receiver.run(20, 30)
    environment.lease_manager.close()
    assert list(zip(queue.limits, queue.waits, strict=True)) == polls


def test_messages_that_cannot_be_deleted_stop_the_receiver() -> None:
    environment = Environment(UndeletableQueue(), CapacityLimiter(10))
    limiter, stats = environment.limiter, environment.stats
    threading.Thread(target=environment.lease_manager.run, daemon=True).start()
    receiver_thread = environment.start(wait_seconds=0)
    limit = limiter.total + MAX_UNCONFIRMED
    while stats.snapshot().counts[Count.SUCCEEDED] < limit:
        time.sleep(0.01)
    limiter.close()
    receiver_thread.join()
    environment.lease_manager.close()
    received = stats.snapshot().counts[Count.RECEIVED]
    assert limit <= received < limit + limiter.total  # the last request may have begun right below the limit
    assert len(environment.lease_manager) == received


class SlowQueue(UndeletableQueue):
    """An endless queue that answers slowly from the second request on."""

    def __init__(self) -> None:
        super().__init__()
        self.started = threading.Semaphore(0)
        self.answer = threading.Event()
        self.limits: list[int] = []

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        self.limits.append(limit)
        if len(self.limits) > 1:
            self.started.release()
            assert self.answer.wait(60)
        return super().receive(limit, wait_seconds, visibility_seconds)

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as SqsQueue
        return {}


@pytest.mark.parametrize(
    ("capacity", "requests"),
    [(1, [1]), (9, [9]), (10, [10]), (16, [10, 6]), (20, [10, 10]), (30, [10, 10, 10]), (40, [10] * 3)],
)
def test_as_many_requests_are_under_way_as_there_is_capacity_for_their_messages(
    capacity: int, requests: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The handlers of the first ten end meanwhile.
    monkeypatch.setattr("queueworker.receive.limiter.FULL_BATCH_TIMEOUT_SECONDS", 2.0)
    queue = SlowQueue()
    environment = Environment(queue, CapacityLimiter(capacity))
    receiver_thread = environment.start(wait_seconds=20)
    for _ in requests:
        assert queue.started.acquire(timeout=60)
    assert not queue.started.acquire(timeout=0.05), "more is received than there is capacity for"
    environment.limiter.close()
    queue.answer.set()
    receiver_thread.join(60)
    assert sorted(queue.limits[1 : len(requests) + 1], reverse=True) == requests
