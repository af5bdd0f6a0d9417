"""When messages are received, and when not."""

import threading
import time
from collections.abc import Sequence
from itertools import count

import pytest

from queueworker.handlers.threads import ThreadWork
from queueworker.handlers.work import Surroundings
from queueworker.lease.manager import Custodian
from queueworker.lease.table import Leases
from queueworker.model import EntryFailure, Message
from queueworker.receive.limiter import Slots
from queueworker.receive.receiver import UNSETTLED_LIMIT, Receiver
from queueworker.stats import Count, Stats


class Undeletable:
    """An endless queue whose messages may be received but not deleted, as with a policy that forgot half."""

    def __init__(self) -> None:
        self._numbers = count()

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:  # noqa: ARG002 -- as Sqs
        return [Message(f"m{number}", "", f"r{number}") for _, number in zip(range(most), self._numbers, strict=False)]

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        return dict.fromkeys(range(len(receipt_handles)), EntryFailure("AccessDenied", retry=True))

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as Sqs
        return {}


class Diary(Undeletable):
    """A queue that writes down how long it was asked to wait, and has messages at some polls only."""

    def __init__(self, slots: Slots, filled: set[int], polls: int) -> None:
        super().__init__()
        self.waits: list[int] = []
        self._slots, self._filled, self._polls = slots, filled, polls

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        self.waits.append(wait_seconds)
        if len(self.waits) == self._polls:
            self._slots.close()
        return super().receive(most, wait_seconds, visibility_seconds) if len(self.waits) in self._filled else []


@pytest.mark.parametrize(
    ("filled", "longest", "waits"),
    [
        pytest.param(set(), 20, [0, 1, 2, 4, 8, 16, 20, 20], id="an idle queue: longer and longer"),
        pytest.param({4, 5}, 20, [0, 1, 2, 4, 1, 1, 2, 4], id="short again after a message"),
        pytest.param(set(), 3, [0, 1, 2, 3, 3, 3, 3, 3], id="never longer than told"),
        pytest.param({1}, 0, [0, 0], id="no long poll at all"),
    ],
)
def test_polls_get_longer_while_nothing_comes(
    filled: set[int], longest: int, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueworker.receive.receiver.EMPTY_PAUSE_SECONDS", 0.0)
    stats, slots = Stats(time.monotonic), Slots(10)
    queue = Diary(slots, filled, len(waits))
    custodian = Custodian(queue, Leases(30), stats, time.monotonic)
    around = Surroundings(custodian, slots, stats, concurrency=10, retry_base_seconds=0)
    Receiver(queue, ThreadWork(lambda _: None, around), around, time.monotonic).run(longest, 30)
    assert queue.waits == waits


@pytest.mark.timeout(30)
def test_messages_that_cannot_be_deleted_stop_the_receiver() -> None:
    stats, slots, queue = Stats(time.monotonic), Slots(10), Undeletable()
    custodian = Custodian(queue, Leases(30), stats, time.monotonic)
    around = Surroundings(custodian, slots, stats, concurrency=10, retry_base_seconds=0)
    receiver = Receiver(queue, ThreadWork(lambda _: None, around), around, time.monotonic)
    threading.Thread(target=custodian.run, daemon=True).start()
    receiving = threading.Thread(target=receiver.run, args=(0, 30), daemon=True)
    receiving.start()
    limit = slots.size + UNSETTLED_LIMIT
    while stats.snapshot().counts[Count.SUCCEEDED] < limit:
        time.sleep(0.01)
    slots.close()
    receiving.join()
    custodian.close()
    received = stats.snapshot().counts[Count.RECEIVED]
    assert limit <= received < limit + slots.size  # the last request may have begun right below the limit
    assert len(custodian) == received


class Slow(Undeletable):
    """An endless queue that takes its time from the second request on."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = threading.Semaphore(0)
        self.answer = threading.Event()
        self.asked: list[int] = []

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        self.asked.append(most)
        if len(self.asked) > 1:
            self.under_way.release()
            assert self.answer.wait(20)
        return super().receive(most, wait_seconds, visibility_seconds)

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as Sqs
        return {}


@pytest.mark.parametrize(
    ("size", "requests"),
    [(1, [1]), (9, [9]), (10, [10]), (16, [10, 6]), (20, [10, 10]), (30, [10, 10, 10]), (40, [10] * 3)],
)
def test_so_many_requests_are_under_way_as_there_is_room_for_what_they_bring(
    size: int, requests: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "queueworker.receive.limiter.GATHER_SECONDS", 0.5
    )  # the handlers of the first ten end meanwhile
    queue, slots, stats = Slow(), Slots(size), Stats(time.monotonic)
    custodian = Custodian(queue, Leases(30), stats, time.monotonic)
    around = Surroundings(custodian, slots, stats, concurrency=min(size, 10), retry_base_seconds=0)
    receiver = Receiver(queue, ThreadWork(lambda _: None, around), around, time.monotonic)
    receiving = threading.Thread(target=receiver.run, args=(20, 30), daemon=True)
    receiving.start()
    for _ in requests:
        assert queue.under_way.acquire(timeout=20)
    assert not queue.under_way.acquire(timeout=0.05), "more is received than there is room for"
    slots.close()
    queue.answer.set()
    receiving.join(20)
    assert sorted(queue.asked[1 : len(requests) + 1], reverse=True) == requests
