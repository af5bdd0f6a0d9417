"""What a handler's author sees of a run in memory: the worker's own rules, and no time that is waited for."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

import queueworker
from queueworker import Message, MessageLostError, PartialFailure, Reject, Retry
from queueworker.testing import Clock, Queue, Result, StuckError, Worker, consume, registrations_kept

CLOCK = Clock()


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Any:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before, "threads of other tests may end meanwhile"


def handle(message: Message) -> None:
    match message.body:
        case "later" if message.receive_count == 1:
            raise Retry(900)
        case "unknown":
            raise Reject("no such order")
        case "poison":
            raise ValueError("no")


async def handle_async(message: Message) -> None:
    await asyncio.sleep(0)
    handle(message)


@pytest.mark.parametrize("handler", [handle, handle_async])
def test_a_result_says_what_became_of_each_message(handler: Callable[[Message], object]) -> None:
    result = consume(handler, ["fine", "later", "unknown", "poison"], dead_letter_queue=True, retry_seconds=5)
    assert result.handled == ["fine", "later"]
    assert [(each.body, each.after_seconds) for each in result.retried] == [("later", 900)]
    assert [(each.body, each.reason, each.deleted) for each in result.rejected] == [("unknown", "no such order", True)]
    assert [(each.body, each.reason, each.after_seconds) for each in result.failed] == [
        ("poison", "no", 5),
        ("poison", "no", 10),
        ("poison", "no", 20),
    ]
    assert [(each.body, each.attributes) for each in result.dead_letters] == [
        ("unknown", {"queueworker.reason": "no such order"}),
        ("poison", {}),
    ]
    assert (result.left, result.in_flight, result.exit_code) == ([], [], 0)
    assert result.seconds == pytest.approx(900, abs=2)
    assert repr(result) == "Result(handled=2, retried=1, rejected=1, failed=3)"


def handle_batch(messages: list[Message]) -> None:
    failures: dict[Message, BaseException] = {}
    for message in messages:
        try:
            handle(message)
        except Exception as error:
            failures[message] = error
    raise PartialFailure(failures)


async def handle_batch_async(messages: list[Message]) -> None:
    await asyncio.sleep(0)
    handle_batch(messages)


@pytest.mark.parametrize("handler", [handle_batch, handle_batch_async])
def test_a_result_says_what_became_of_each_message_of_a_batch(handler: Callable[[list[Message]], object]) -> None:
    result = consume(handler, ["fine", "later", "unknown", "poison"], dead_letter_queue=True, retry_seconds=5)
    assert result.handled == ["fine", "later"]
    assert [(each.body, each.after_seconds) for each in result.retried] == [("later", 900)]
    assert [(each.body, each.reason) for each in result.rejected] == [("unknown", "no such order")]
    assert [(each.body, each.after_seconds) for each in result.failed] == [
        ("poison", 5),
        ("poison", 10),
        ("poison", 20),
    ]


def test_without_a_dead_letter_queue_a_rejected_message_fails_like_others() -> None:
    result = consume(handle, ["unknown"], retry_seconds=1)
    assert [each.after_seconds for each in result.rejected] == [1, 2, 4]
    assert [each.attributes for each in result.dead_letters] == [{}]


def test_the_worker_extends_a_message_while_its_handler_works() -> None:
    queue = Queue()
    queue.send("long")
    result = consume(lambda _: queue.clock.advance(40), queue, visibility_seconds=30)
    (attempt,) = result.attempts
    assert (result.handled, attempt.extensions) == (["long"], [30, 30])
    assert attempt.message.receive_count == 1


async def sleeps(_: Message) -> None:
    async with asyncio.timeout(60):
        await asyncio.sleep(40)


async def extends(message: Message) -> None:
    await asyncio.to_thread(message.extend, 100)


@pytest.mark.parametrize(("handler", "extensions"), [(sleeps, [30, 30]), (extends, [100])])
def test_a_coroutine_has_the_time_of_the_run(handler: Callable[[Message], object], extensions: list[int]) -> None:
    result = consume(handler, ["long"])
    assert (result.handled, result.attempts[0].extensions) == (["long"], extensions)


def test_a_thread_that_a_handler_starts_may_extend_its_message() -> None:
    queue = Queue()
    queue.send("long")

    def extend(message: Message) -> None:
        thread = threading.Thread(target=message.extend, args=(100,))
        thread.start()
        while thread.is_alive():
            queue.clock.advance(1e-4)

    (attempt,) = consume(extend, queue).attempts
    assert 100 in attempt.extensions


async def times_out(_: Message) -> None:
    async with asyncio.timeout(10):
        await asyncio.sleep(40)


def test_a_time_limit_of_a_coroutine_runs_out() -> None:
    result = consume(times_out, ["slow"], receives=1)
    assert [type(each.error) for each in result.failed] == [TimeoutError]


def test_a_message_whose_extensions_fail_is_lost() -> None:
    queue, lost = Queue(), []
    queue.send("a")

    def work(message: Message) -> None:
        queue.fail("ChangeMessageVisibility")
        try:
            message.extend(60)
        except MessageLostError:
            lost.append(message.body)
        queue.fail("ChangeMessageVisibility", times=0)

    assert consume(work, queue).handled == ["a"]
    assert lost == ["a"]


def test_a_delete_that_fails_is_tried_again() -> None:
    queue = Queue()
    queue.send("a")
    queue.fail("DeleteMessage", times=3)
    assert consume(handle, queue).handled == ["a"]


def test_a_message_that_cannot_be_rejected_fails() -> None:
    queue = Queue()
    queue.send("unknown")
    queue.fail("SendMessage", times=1)
    result = consume(handle, queue, dead_letter_queue=True)
    assert [(each.deleted, each.after_seconds) for each in result.rejected] == [(False, 5), (True, None)]


@dataclass
class Groups:
    """A handler that fails once at the first message of group a."""

    started: list[str] = field(default_factory=list)

    def __call__(self, message: Message) -> None:
        self.started.append(message.body)
        if message.body == "a0" and message.receive_count == 1:
            raise ValueError("not yet")


def test_a_group_keeps_its_order_and_a_failure_stops_its_own_group_only() -> None:
    queue, groups = Queue(fifo=True), Groups()
    for number in range(3):
        for group in "ab":
            queue.send(f"{group}{number}", group=group)
    result = consume(groups, queue)
    assert sorted(result.handled) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    for group in "ab":
        assert [body for body in result.handled if body[0] == group] == [f"{group}{number}" for number in range(3)]
    assert groups.started.count("a1") == 1, "nothing behind the failed message was started"


def test_handlers_work_side_by_side_up_to_the_concurrency() -> None:
    queue = Queue()
    for body in "abcd":
        queue.send(body)
    result = consume(lambda _: queue.clock.advance(10), queue, concurrency=2)
    assert [round(each.started_at) for each in result.attempts] == [0, 0, 10, 10]


def runs(concurrency: int) -> list[tuple[str, float, float | None]]:
    queue = Queue()
    for number in range(30):
        queue.send(str(number))

    def work(message: Message) -> None:
        queue.clock.advance(int(message.body) % 7)
        if int(message.body) % 3 == message.receive_count:
            raise Retry(int(message.body))

    return [
        (each.body, each.started_at, each.ended_at) for each in consume(work, queue, concurrency=concurrency).attempts
    ]


@pytest.mark.parametrize("concurrency", [1, 10])
def test_a_run_is_the_same_each_time(concurrency: int) -> None:
    assert runs(concurrency) == runs(concurrency)


def test_a_run_ends_after_as_many_receives_as_asked_for() -> None:
    queue = Queue(max_receive_count=None)
    for body in ("poison", "poison", "poison"):
        queue.send(body)
    result = consume(handle, queue, receives=2)
    assert (len(result.failed), result.left, result.exit_code) == (2, ["poison"] * 3, 0)


@dataclass
class Terminating:
    """A handler of which one message is SIGTERM's moment. It works for a minute, and sees how long it still may."""

    queue: Queue
    remaining: list[int] = field(default_factory=list)
    worker: Worker = field(init=False)
    signals: int = 1

    def __call__(self, message: Message) -> None:
        self.queue.clock.advance(5)
        for _ in range(self.signals):
            self.worker.terminate()
        self.queue.clock.advance(1)
        self.remaining.append(round(message.handle.remaining_seconds()))
        self.queue.clock.advance(60 if message.body == "long" else 0)


def terminated(*bodies: str, signals: int = 1, **settings: Any) -> tuple[Result, Terminating]:
    queue = Queue()
    for body in bodies:
        queue.send(body)
    handler = Terminating(queue, signals=signals)
    handler.worker = Worker(handler, queue, concurrency=1, **settings)
    return handler.worker.run(), handler


def test_a_worker_that_is_terminated_finishes_what_it_has_begun() -> None:
    result, handler = terminated("short", "other")
    assert (result.handled, result.left, result.in_flight) == (["short"], ["other"], [])
    assert handler.remaining == [24], "the end of the grace period is the deadline"


def test_what_takes_longer_than_the_grace_period_is_cut_off_and_released() -> None:
    result, _ = terminated("long", grace_seconds=10)
    assert [(each.body, each.after_seconds, round(each.ended_at or 0)) for each in result.cut_off] == [("long", 0, 17)]
    assert (result.left, result.in_flight, result.exit_code) == (["long"], [], 0)


def test_a_second_signal_ends_the_grace_period() -> None:
    result, _ = terminated("long", signals=2)
    assert [round(each.ended_at or 0) for each in result.cut_off] == [7], (
        "2 s after it, as a worker waits so long for its handlers"
    )
    assert (result.left, result.in_flight) == (["long"], [])


async def cut_off(message: Message) -> None:
    await asyncio.sleep(3600 if message.body == "long" else 0)


def test_a_coroutine_is_cancelled_at_the_end_of_the_grace_period() -> None:
    queue = Queue()
    queue.send("long")
    worker = Worker(cut_off, queue)
    worker.terminate_after(5)
    result = worker.run()
    assert [type(each.error) for each in result.cut_off] == [asyncio.CancelledError]
    assert (result.left, result.in_flight) == (["long"], [])


def test_an_unanswered_delete_leaves_the_message_in_flight_and_the_exit_code_says_so() -> None:
    queue = Queue()
    queue.send("fine")
    queue.fail("DeleteMessage")
    worker = Worker(handle, queue)
    worker.terminate_after(5)
    result = worker.run()
    assert (result.exit_code, result.handled, result.in_flight) == (1, [], ["fine"])


@dataclass
class Blocking:
    """A handler that blocks in real time, and the event loops that it ran on."""

    released: threading.Event = field(default_factory=threading.Event)
    loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)

    def handle(self, _: Message) -> None:
        self.released.wait(60)

    async def handle_async(self, _: Message) -> None:
        self.loops.append(asyncio.get_running_loop())
        self.released.wait(60)
        await asyncio.to_thread(int)

    def join(self, message: Message) -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(message.extend, 100).result()


def stuck(blocking: Blocking, handler: Callable[[Message], object], timeout_seconds: float) -> str:
    """Return what a run says that gives up after so long, once all of its threads have ended."""
    others = set(threading.enumerate())
    with pytest.raises(StuckError) as stuck:
        consume(handler, ["a"], timeout_seconds=timeout_seconds)
    blocking.released.set()
    while threads := set(threading.enumerate()) - others:  # those that end may have started others
        for thread in threads:
            thread.join()
    return str(stuck.value)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        pytest.param("handle", "self.released.wait", id="a function"),
        pytest.param("handle_async", "self.released.wait", id="a coroutine"),
        pytest.param("join", "self._changed.wait_for", id="a function whose own thread waits for the time of the run"),
    ],
)
def test_a_handler_that_blocks_for_too_long_is_shown(name: str, line: str) -> None:
    """The run is given more time where other programs leave its threads none to get so far."""
    for seconds in (0.2, 2, 20):
        blocking = Blocking()
        shown = stuck(blocking, getattr(blocking, name), seconds)
        if line in shown:
            break
    assert "takes too long" in shown
    assert line in shown
    assert all(loop.is_closed() for loop in blocking.loops)


@dataclass
class Order:
    """A body."""

    number: int


def test_a_body_becomes_what_the_handler_takes_or_is_rejected() -> None:
    numbers = []

    def charge(order: Order) -> None:
        numbers.append(order.number)

    result = consume(charge, [Order(1), {"number": 2}, "none"], dead_letter_queue=True)
    assert numbers == [1, 2]
    assert [each.body for each in result.rejected] == ["none"]


def test_an_envelope_is_opened() -> None:
    notification = {"Type": "Notification", "Message": "fine"}
    assert consume(handle, [notification], envelope=("sns",)).handled == ["fine"]


def test_a_broken_envelope_is_a_dead_letter() -> None:
    result = consume(handle, ["fine"], envelope=("sns",), dead_letter_queue=True, receives=1)
    assert (result.attempts, [each.body for each in result.dead_letters]) == ([], ["fine"])


def queues_of_one_worker(clock: Clock) -> tuple[Queue, Queue]:
    urgent, other = (Queue(name=name, clock=clock) for name in ("urgent", "other"))
    for number in range(8):
        urgent.send(f"urgent {number}")
        other.send(f"other {number}")
    return urgent, other


def test_several_queues_share_a_worker_by_weight() -> None:
    clock = Clock()
    urgent, other = queues_of_one_worker(clock)
    result = consume(lambda _: clock.advance(10), {urgent: 3, other: 1}, concurrency=4)
    assert (len(result.handled), result.left) == (16, [])
    begun_at_once = [each.body.split()[0] for each in result.attempts if each.started_at < 9]
    assert sorted(begun_at_once) == ["other", "urgent", "urgent", "urgent"]


def test_a_message_is_rejected_from_its_own_queue() -> None:
    clock = Clock()
    urgent, other = (Queue(name=name, clock=clock) for name in ("urgent", "other"))
    urgent.send("fine")
    other.send("unknown")
    assert consume(handle, {urgent: 1, other: 1}, dead_letter_queue=True).handled == ["fine"]
    assert (urgent.dead_letters, [message.body for message in other.dead_letters]) == ([], ["unknown"])


@pytest.mark.parametrize("queues", [[Queue(name="a"), Queue(name="b")], [Queue(clock=CLOCK), Queue(clock=CLOCK)]])
def test_queues_of_one_worker_have_their_own_names_and_one_clock(queues: list[Queue]) -> None:
    with pytest.raises(ValueError, match="different names, and the same clock"):
        consume(handle, dict.fromkeys(queues, 1))


@pytest.fixture
def order_of_calls() -> Iterator[list[str]]:
    """What hooks and middleware of a test do, in order."""
    with registrations_kept():
        yield []


@pytest.mark.parametrize("handler", [handle, handle_async])
def test_hooks_and_middleware_are_called_as_in_a_process(
    order_of_calls: list[str], handler: Callable[[Message], object]
) -> None:
    @queueworker.on_startup
    async def start() -> None:
        await asyncio.sleep(60)
        order_of_calls.append("start")

    @queueworker.on_shutdown
    def shut_down() -> None:
        order_of_calls.append("shut down")

    @queueworker.middleware
    def around(message: Message) -> Iterator[None]:
        order_of_calls.append("before " + message.body)
        yield
        order_of_calls.append("after " + message.body)

    assert consume(handler, ["a"]).seconds == pytest.approx(60, abs=2)
    assert order_of_calls == ["start", "before a", "after a", "shut down"]


@pytest.mark.parametrize("seconds", [0.5, 1.005, 1.015])
def test_a_signal_during_the_start_ends_the_worker_also_in_its_last_moment(seconds: float) -> None:
    queue = Queue()
    queue.send("waiting")
    with registrations_kept():
        queueworker.on_startup(lambda: queue.clock.advance(1.01))
        worker = Worker(handle, queue)
        worker.terminate_after(seconds)
        result = worker.run()
    assert (result.handled, result.left, result.exit_code) == ([], ["waiting"], 0)


@pytest.mark.usefixtures("order_of_calls")
def test_a_failed_start_takes_no_message() -> None:
    @queueworker.on_startup
    def start() -> None:
        raise ConnectionError("no database")

    result = consume(handle, ["a"])
    assert (result.exit_code, result.attempts, result.left) == (1, [], ["a"])


def test_a_handler_sees_that_it_is_cancelled() -> None:
    queue, seen = Queue(), []
    queue.send("long")

    def work(message: Message) -> None:
        while not message.cancelled:
            queue.clock.advance(1)
        seen.append(round(queue.clock.now))
        raise CancelledError

    worker = Worker(work, queue, grace_seconds=10)
    worker.terminate_after(5)
    result = worker.run()
    assert ([each.body for each in result.cut_off], seen) == (["long"], [15])


def test_a_handler_is_named_as_in_a_command() -> None:
    assert consume("tests.unit.worker.in_memory.test_runs:handle", ["fine"]).handled == ["fine"]


def test_the_log_is_that_of_every_worker(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "queueworker")
    consume(handle, ["later"])
    assert "message released by its handler" in caplog.messages


def test_settings_are_checked_as_those_of_every_worker() -> None:
    with pytest.raises(TypeError, match="concurency"):
        consume(handle, [], concurency=2)
