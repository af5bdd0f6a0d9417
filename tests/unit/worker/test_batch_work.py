"""Messages that may start together are handled together, within the concurrency, and each is settled on its own."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from queueworker.handlers.batch_middleware import wrap_batch
from queueworker.handlers.batching import BatchWork
from queueworker.handlers.coroutines import CoroutineBatchWork
from queueworker.handlers.handler import BatchFunction, BatchHandler
from queueworker.handlers.threads import ThreadBatchWork
from queueworker.handlers.work import WorkContext
from queueworker.model import Message, PartialFailure, Reject, Retry
from queueworker.stats import Count
from tests.unit.worker.test_work import Environment

MakeWork = Callable[[BatchFunction, WorkContext], BatchWork]


def in_threads(handle: BatchFunction, context: WorkContext) -> BatchWork:
    return ThreadBatchWork(handle, context)


def as_coroutines(handle: BatchFunction, context: WorkContext) -> BatchWork:
    async def handle_async(messages: Sequence[Message]) -> object:
        await asyncio.sleep(0)
        return handle(messages)

    return CoroutineBatchWork(handle_async, context)


both = pytest.mark.parametrize("make", [in_threads, as_coroutines])


def context(environment: Environment, concurrency: int = 20, **changes: Any) -> WorkContext:
    return replace(environment.context(), concurrency=concurrency, **changes)


class Batches:
    """Records the batches that it is given, and does the rest as told."""

    def __init__(self, then: Callable[[Sequence[Message]], object] = lambda _: None) -> None:
        self.all: list[list[str]] = []
        self._then = then

    def __call__(self, messages: Sequence[Message]) -> object:
        self.all.append([message.id for message in messages])
        return self._then(messages)


@both
@pytest.mark.parametrize(
    ("concurrency", "batch_size", "expected"),
    [(20, 10, [10, 5]), (5, 10, [5, 5, 5]), (20, 4, [4, 4, 4, 3]), (1, 10, [1] * 15)],
)
def test_what_was_received_together_is_handled_together(
    make: MakeWork, concurrency: int, batch_size: int, expected: list[int]
) -> None:
    environment, batches = Environment(), Batches()
    work = make(batches, context(environment, concurrency, batch_size=batch_size))
    work.accept(environment.leases(15))
    environment.wait_until_settled()
    assert sorted(map(len, batches.all), reverse=True) == expected
    assert sorted(environment.queue.deleted) == sorted(message.id for message in environment.messages(15))
    snapshot = environment.stats.snapshot()
    assert (snapshot.counts[Count.STARTED], snapshot.counts[Count.SUCCEEDED], snapshot.busy) == (15, 15, 0)
    assert sum(snapshot.durations) == 15


def test_concurrency_counts_messages() -> None:
    environment, together, go_on = Environment(), threading.Semaphore(0), threading.Event()

    def wait(_: Sequence[Message]) -> None:
        together.release()
        assert go_on.wait(60)

    batches = Batches(wait)
    work = ThreadBatchWork(batches, context(environment, 8, batch_size=3))
    work.accept(environment.leases(12))
    for _ in range(3):
        assert together.acquire(timeout=60)
    assert sorted(map(len, batches.all)) == [2, 3, 3]
    assert environment.stats.snapshot().busy == 8
    go_on.set()
    environment.wait_until_settled()


@both
def test_a_batch_has_one_message_of_each_group_and_keeps_their_order(make: MakeWork) -> None:
    environment, batches = Environment(), Batches()
    work = make(batches, context(environment))
    work.accept(environment.leases(12, groups=4))
    environment.wait_until_settled()
    assert batches.all == [["m0", "m1", "m2", "m3"], ["m4", "m5", "m6", "m7"], ["m8", "m9", "m10", "m11"]]


@both
def test_each_message_is_settled_by_its_own_failure(make: MakeWork) -> None:
    class DeadLetters:
        def __init__(self) -> None:
            self.sent: list[tuple[str, str]] = []

        def send(self, message: Message, reason: str) -> None:
            self.sent.append((message.id, reason))

    def fail(messages: Sequence[Message]) -> None:
        first, second, third, _ = messages
        raise PartialFailure({first: Retry(0), second: Reject("no"), third: ValueError("broken")})

    environment, dead = Environment(), DeadLetters()
    work = make(fail, context(environment, dead_letter_queue=dead))
    work.accept(environment.leases(4))
    environment.wait_until_settled()
    assert dead.sent == [("m1", "no")]
    assert sorted(environment.queue.deleted) == ["m1", "m3"]
    assert environment.queue.released == ["m0"], "m2 is shown again later"
    counts = environment.stats.snapshot().counts
    assert (counts[Count.SUCCEEDED], counts[Count.FAILED]) == (1, 3)


def test_a_failure_stops_the_groups_of_those_that_failed_and_no_other() -> None:
    environment = Environment()

    def fail_of_g0(messages: Sequence[Message]) -> None:
        raise PartialFailure({each: ValueError() for each in messages if each.group == "g0"})

    batches = Batches(fail_of_g0)
    ThreadBatchWork(batches, context(environment)).accept(environment.leases(6, groups=2))
    environment.wait_until_settled()
    assert batches.all == [["m0", "m1"], ["m3"], ["m5"]]
    assert sorted(environment.queue.released) == ["m2", "m4"]


@both
@pytest.mark.parametrize("groups", [0, 3, 40])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_when_the_limiter_is_closed_each_message_is_handled_or_released(
    make: MakeWork, groups: int, after: int
) -> None:
    environment, begun = Environment(), threading.Semaphore(0)
    batches = Batches(lambda messages: begun.release(len(messages)))
    work = make(batches, context(environment, 7, batch_size=3))
    accepting = threading.Thread(target=lambda: work.accept(environment.leases(120, groups)), daemon=True)
    accepting.start()
    assert all(begun.acquire(timeout=60) for _ in range(after))
    environment.limiter.close()
    work.release_unstarted()
    accepting.join()
    environment.wait_until_settled()
    handled = [each for batch in batches.all for each in batch]
    assert Counter(handled) == Counter(environment.queue.deleted)
    assert Counter(handled + environment.queue.released) == Counter(each.id for each in environment.messages(120))
    assert environment.stats.snapshot().busy == 0


def test_a_batch_that_the_worker_cancels_is_released_at_once() -> None:
    async def hang(_: Sequence[Message]) -> None:
        started.set()
        await asyncio.sleep(600)

    environment, started = Environment(), threading.Event()
    work = CoroutineBatchWork(hang, context(environment))
    work.accept(environment.leases(3))
    assert started.wait(60)
    work.stop()
    environment.wait_until_settled()
    assert sorted(environment.queue.released) == ["m0", "m1", "m2"]


def test_a_batch_that_is_cancelled_while_its_middleware_begins_is_not_handled() -> None:
    environment, handled, beginning = Environment(), Batches(), threading.Event()
    ended: list[str] = []

    async def wait_for_the_second(message: Message) -> AsyncIterator[None]:
        if message.id == "m1":
            beginning.set()
            await asyncio.sleep(600)
        try:
            yield
        finally:
            ended.append(message.id)

    async def handle(messages: Sequence[Message]) -> object:
        return handled(messages)

    wrapped: Any = wrap_batch(BatchHandler(handle), [wait_for_the_second]).function
    work = CoroutineBatchWork(wrapped, context(environment))
    work.accept(environment.leases(3))
    assert beginning.wait(60)
    environment.lease_manager.set_deadline(time.monotonic())
    work.stop()
    environment.wait_until_settled()
    assert (handled.all, ended) == ([], ["m0"])
    assert sorted(environment.queue.released) == ["m0", "m1", "m2"]


@both
def test_envelopes_are_opened_one_by_one(make: MakeWork) -> None:
    environment, batches = Environment(), Batches()

    class Opener:
        readers = None

        def __call__(self, message: Message) -> Message | None:
            if message.id == "m1":
                raise Retry(0)
            return replace(message, body="opened")

    opener: Any = Opener()
    make(batches, context(environment, opener=opener)).accept(environment.leases(3))
    environment.wait_until_settled()
    assert batches.all == [["m0", "m2"]]
    assert sorted(environment.queue.deleted) == ["m0", "m2"]
    assert environment.queue.released == ["m1"]
