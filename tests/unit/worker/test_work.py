"""Every message that is accepted is either handled or released, never both."""

import asyncio
import concurrent.futures
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar

import pytest

from queueworker.context import current_message
from queueworker.errors import UnreachableError
from queueworker.handlers.coroutines import CoroutineBatchWork, CoroutineWork
from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.handlers.threads import ThreadBatchWork, ThreadWork
from queueworker.handlers.work import Work, WorkContext
from queueworker.lease.manager import LeaseManager
from queueworker.lease.records import Lease
from queueworker.lease.table import LeaseTable
from queueworker.model import EntryFailure, Message, PartialFailure, Reject, Retry
from queueworker.receive.limiter import CapacityLimiter
from queueworker.stats import Count, Stats


class RecordingQueue:
    """A queue that confirms and records everything."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.released: list[str] = []

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        self.deleted += receipt_handles
        return {}

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        self.released += [handle for handle, hidden in zip(receipt_handles, seconds, strict=True) if not hidden]
        return {}


class Environment:
    """What work needs around it."""

    def __init__(self) -> None:
        self.queue, self.stats, self.limiter = RecordingQueue(), Stats(time.monotonic), CapacityLimiter(200)
        self.lease_manager = LeaseManager(
            queue=self.queue, table=LeaseTable(30), stats=self.stats, clock=time.monotonic
        )
        self.lease_manager.flush()
        self._leased = 0
        threading.Thread(target=self.lease_manager.run, daemon=True).start()

    def context(self, dead_letter_queue: DeadLetterQueue | None = None, *, in_order: bool = True) -> WorkContext:
        return WorkContext(
            lease_manager=self.lease_manager,
            limiter=self.limiter,
            stats=self.stats,
            concurrency=4,
            retry_base_seconds=600,
            in_order=in_order,
            dead_letter_queue=dead_letter_queue,
        )

    def messages(self, number: int, groups: int = 0) -> list[Message]:
        return [Message(f"m{i}", "", f"m{i}", group=f"g{i % groups}" if groups else None) for i in range(number)]

    def leases(self, number: int, groups: int = 0) -> list[Lease]:
        self._leased += number
        return self.lease_manager.add(self.messages(number, groups), hidden_since=time.monotonic())

    def wait_until_settled(self) -> None:
        """Wait until each message was deleted or released, and counted, which comes a moment later."""
        deadline = time.monotonic() + 60
        while len(self.lease_manager) or self._counted() < self._leased:
            assert time.monotonic() < deadline, f"{len(self.lease_manager)} messages are neither deleted nor released"
            time.sleep(0.002)
        self.lease_manager.close()

    def _counted(self) -> int:
        counts = self.stats.snapshot().counts
        return counts[Count.DELETED] + counts[Count.RELEASED]


@pytest.mark.parametrize("groups", [0, 3, 40])
@pytest.mark.parametrize("coroutines", [False, True])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_when_the_limiter_is_closed_each_message_is_handled_or_released(
    groups: int, coroutines: bool, after: int
) -> None:
    environment, handled, ended = Environment(), [], threading.Semaphore(0)
    context = environment.context()

    def handle(message: Message) -> None:
        handled.append(message.id)
        ended.release()

    async def handle_async(message: Message) -> None:
        handle(message)

    work: Work = CoroutineWork(handle_async, context) if coroutines else ThreadWork(handle, context)
    accepting = threading.Thread(target=lambda: work.accept(environment.leases(120, groups)), daemon=True)
    accepting.start()
    assert all(ended.acquire(timeout=60) for _ in range(after))
    environment.limiter.close()
    work.release_unstarted()
    accepting.join()
    environment.wait_until_settled()
    queue = environment.queue
    assert Counter(handled) == Counter(queue.deleted)
    assert Counter(handled + queue.released) == Counter(message.id for message in environment.messages(120))
    assert environment.stats.snapshot().busy == 0


def test_a_message_that_cannot_be_sent_to_the_dead_letter_queue_fails_like_others() -> None:
    class UnreachableQueue:
        def send(self, message: Message, reason: str) -> None:
            raise UnreachableError(f"{message.id}: {reason}")

    def reject(_: Message) -> None:
        raise Reject("no")

    environment = Environment()
    ThreadWork(reject, environment.context(UnreachableQueue())).accept(environment.leases(3))
    environment.wait_until_settled()
    counts = environment.stats.snapshot().counts
    assert (counts[Count.FAILED], counts[Count.RELEASED], counts[Count.DELETED]) == (3, 3, 0)
    assert environment.queue.released == [], "they are shown again later, not at once"


def test_a_message_is_settled_whatever_the_dead_letter_queue_raises() -> None:
    class BrokenQueue:
        def send(self, message: Message, reason: str) -> None:
            raise RuntimeError(f"a fault of ours: {message.id}, {reason}")

    def reject(_: Message) -> None:
        raise Reject("no")

    environment = Environment()
    ThreadWork(reject, environment.context(BrokenQueue())).accept(environment.leases(3))
    environment.wait_until_settled()
    assert environment.stats.snapshot().counts[Count.RELEASED] == 3


class Unprintable(Exception):  # noqa: N818 -- as a handler may call it
    def __str__(self) -> str:
        raise RuntimeError("no text")


class RejectWithoutReason(Reject):
    def __init__(self) -> None:
        pass


class RetryWithoutTime(Retry):
    def __init__(self) -> None:
        pass


class PartialFailureWithoutFailures(PartialFailure):
    def __init__(self) -> None:
        pass


@pytest.mark.parametrize("coroutines", [False, True])
@pytest.mark.parametrize("batches", [False, True])
@pytest.mark.parametrize(
    "error",
    [Unprintable, RejectWithoutReason, RetryWithoutTime, PartialFailureWithoutFailures, lambda: Reject(42)],  # type: ignore[arg-type]  # on purpose
    ids=["no text", "no reason", "no time", "no failures", "another reason than a text"],
)
def test_whatever_a_handler_raises_its_message_is_settled(
    error: Callable[[], BaseException], coroutines: bool, batches: bool
) -> None:
    def fail(_: object) -> None:
        raise error()

    async def fail_async(_: object) -> None:
        raise error()

    environment = Environment()
    context = environment.context()
    work: Work
    if batches:
        work = CoroutineBatchWork(fail_async, context) if coroutines else ThreadBatchWork(fail, context)
    else:
        work = CoroutineWork(fail_async, context) if coroutines else ThreadWork(fail, context)
    work.accept(environment.leases(3))
    environment.wait_until_settled()
    counts = environment.stats.snapshot().counts
    assert (counts[Count.FAILED], counts[Count.RELEASED], counts[Count.DELETED]) == (3, 3, 0)


def test_a_group_of_a_standard_queue_orders_nothing() -> None:
    environment, together = Environment(), threading.Barrier(4)

    def meet(message: Message) -> None:
        together.wait(60)
        if message.id == "m0":
            raise RuntimeError("one failure")

    ThreadWork(meet, environment.context(in_order=False)).accept(environment.leases(4, groups=1))
    environment.wait_until_settled()
    assert sorted(environment.queue.deleted) == ["m1", "m2", "m3"]


def test_a_coroutine_that_cancels_itself_has_failed() -> None:
    async def cancel(_: Message) -> None:
        raise asyncio.CancelledError

    environment = Environment()
    CoroutineWork(cancel, environment.context()).accept(environment.leases(2))
    environment.wait_until_settled()
    assert environment.stats.snapshot().counts[Count.FAILED] == 2
    assert (environment.queue.deleted, environment.queue.released) == ([], []), "they are shown again later"


@pytest.mark.parametrize("batches", [False, True])
def test_what_a_coroutine_sets_in_its_context_is_not_seen_by_the_next_of_its_group(batches: bool) -> None:
    variable: ContextVar[str] = ContextVar("order", default="nothing")
    seen: list[str] = []

    async def leave_behind(_: object) -> None:
        seen.append(variable.get())
        variable.set("left behind")

    environment = Environment()
    kind = CoroutineBatchWork if batches else CoroutineWork
    kind(leave_behind, environment.context()).accept(environment.leases(3, groups=1))
    environment.wait_until_settled()
    assert seen == ["nothing"] * 3


def test_a_task_of_a_handler_that_calls_exit_does_not_end_the_loop_of_all() -> None:
    async def leave_in_a_task(message: Message) -> None:
        async def leave() -> None:
            sys.exit(3)

        if message.id == "m0":
            await asyncio.create_task(leave())

    environment = Environment()
    work = CoroutineWork(leave_in_a_task, environment.context())
    work.accept(environment.leases(3))
    environment.wait_until_settled()
    assert sorted(environment.queue.deleted) == ["m1", "m2"]


def test_a_coroutine_that_the_worker_cancels_is_released_at_once() -> None:
    async def hang(_: Message) -> None:
        started.set()
        await asyncio.sleep(600)

    environment, started = Environment(), threading.Event()
    work = CoroutineWork(hang, environment.context())
    work.accept(environment.leases(1))
    assert started.wait(60)
    work.stop()
    environment.wait_until_settled()
    assert environment.queue.released == ["m0"]


@pytest.mark.parametrize("coroutines", [False, True])
@pytest.mark.parametrize("error", [asyncio.CancelledError, concurrent.futures.CancelledError])
def test_a_handler_that_stops_because_its_message_is_cancelled_is_released_at_once(
    error: type[BaseException], coroutines: bool
) -> None:
    def stop_when_cancelled(message: Message) -> None:
        started.set()
        while not message.cancelled:
            time.sleep(0)
        raise error

    async def stop_when_cancelled_async(message: Message) -> None:
        started.set()
        while not message.cancelled:  # noqa: ASYNC110 -- nothing tells it
            await asyncio.sleep(0)
        raise error

    environment, started = Environment(), threading.Event()
    context = environment.context()
    work: Work = (
        CoroutineWork(stop_when_cancelled_async, context) if coroutines else ThreadWork(stop_when_cancelled, context)
    )
    work.accept(environment.leases(1))
    assert started.wait(60)
    environment.lease_manager.set_deadline(time.monotonic())
    environment.wait_until_settled()
    assert environment.queue.released == ["m0"]


@pytest.mark.parametrize("error", [asyncio.CancelledError, concurrent.futures.CancelledError, RuntimeError])
def test_a_function_that_raises_otherwise_has_failed(error: type[BaseException]) -> None:
    def fail(_: Message) -> None:
        raise error

    environment = Environment()
    if error is RuntimeError:
        environment.lease_manager.set_deadline(time.monotonic())
    ThreadWork(fail, environment.context()).accept(environment.leases(2))
    environment.wait_until_settled()
    assert environment.stats.snapshot().counts[Count.FAILED] == 2
    assert (environment.queue.deleted, environment.queue.released) == ([], []), "they are shown again later"


@pytest.mark.parametrize("coroutines", [False, True])
def test_a_handler_sees_its_own_message_as_the_current_one_and_no_other_code_does(coroutines: bool) -> None:
    seen: list[tuple[Message, Message | None]] = []

    def handle(message: Message) -> None:
        seen.append((message, current_message()))

    async def handle_async(message: Message) -> None:
        await asyncio.sleep(0)
        await asyncio.create_task(asyncio.to_thread(handle, message))

    environment = Environment()
    context = environment.context()
    work: Work = CoroutineWork(handle_async, context) if coroutines else ThreadWork(handle, context)
    work.accept(environment.leases(20))
    environment.wait_until_settled()
    assert len(seen) == 20
    assert all(message is current for message, current in seen)
    assert current_message() is None
