"""What a handler's module may register, and how it is called at the start and the end of a process."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest

import queueworker
from queueworker.errors import UsageError
from queueworker.handlers.lifecycle import Hooks
from queueworker.handlers.loops import LoopThread
from queueworker.hooks import REGISTRY, Registry
from queueworker.model import Message


def plain() -> None: ...
async def coroutine() -> None: ...
def with_defaults(seconds: int = 3) -> None: ...
def generator() -> Iterator[None]:
    yield


async def async_generator() -> AsyncIterator[None]:
    yield


def with_arguments(message: Message) -> None: ...


def around(_: Message) -> Iterator[None]:
    yield


async def around_async(_: Message) -> AsyncIterator[None]:
    yield


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry of this process, with nothing in it."""
    for name in ("startup", "shutdown", "middleware"):
        monkeypatch.setattr(REGISTRY, name, [])
    return REGISTRY


@pytest.mark.parametrize("function", [plain, coroutine, with_defaults, partial(with_arguments, Message("1", "", ""))])
def test_functions_that_need_no_argument_are_registered_and_stay_as_they_are(
    registry: Registry, function: Callable[[], object]
) -> None:
    assert queueworker.on_startup(function) is function
    assert queueworker.on_shutdown(function) is function
    assert (registry.startup, registry.shutdown) == ([function], [function])


@pytest.mark.parametrize("function", [around, around_async, partial(around)])
def test_generator_functions_are_registered_as_middleware(registry: Registry, function: Any) -> None:
    assert queueworker.middleware(function) is function
    assert registry.middleware == [function]


@pytest.mark.parametrize("name", ["on_startup", "on_shutdown"])
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (generator, "generator has a yield: what is to run at the end is a function of its own, for on_shutdown"),
        (async_generator, "has a yield"),
        (with_arguments, "with_arguments is called without arguments: missing a required argument: 'message'"),
    ],
)
def test_a_hook_that_cannot_be_called_is_refused_when_it_is_registered(
    registry: Registry, name: str, function: Any, expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        getattr(queueworker, name)(function)
    assert registry == Registry()


@pytest.mark.parametrize("function", [plain, coroutine])
def test_middleware_that_never_yields_is_refused_when_it_is_registered(registry: Registry, function: Any) -> None:
    with pytest.raises(UsageError, match=f"{function.__name__} has no yield: it must yield once, where the handler"):
        queueworker.middleware(function)
    assert registry == Registry()


class Journal:
    """Hooks that write down that they were called."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def hook(self, name: str) -> Callable[[], object]:
        return lambda: self.events.append(name)

    def failing(self, error: BaseException) -> Callable[[], object]:
        def fail() -> None:
            self.events.append("failing")
            raise error

        return fail


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    """A loop that ends with its test."""
    others = set(threading.enumerate())
    made = LoopThread()
    loop = made._loop
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "hooks" and thread not in others]
    yield made
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_hooks_for_the_start_are_called_in_order_and_those_for_the_end_in_reverse(loop_thread: LoopThread) -> None:
    journal = Journal()
    hooks = [journal.hook(name) for name in "abc"]
    lifecycle = Hooks(Registry(hooks, hooks), loop_thread.wait)
    assert lifecycle.start_up()
    lifecycle.shut_down()
    assert journal.events == ["a", "b", "c", "c", "b", "a"]


@pytest.mark.parametrize("error", [RuntimeError("no database"), SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("as_coroutine", [False, True])
def test_a_failed_start_calls_no_further_hook_and_says_which_has_failed_and_why(
    loop_thread: LoopThread, caplog: pytest.LogCaptureFixture, error: BaseException, as_coroutine: bool
) -> None:
    journal = Journal()

    async def fail() -> None:
        journal.failing(error)()

    failing = fail if as_coroutine else journal.failing(error)
    lifecycle = Hooks(Registry([journal.hook("a"), failing, journal.hook("c")]), loop_thread.wait)
    assert not lifecycle.start_up()
    assert journal.events == ["a", "failing"]
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.CRITICAL, "start-up hook failed")
    assert record.exc_info
    assert record.exc_info[1] is error
    assert record.__dict__["hook"].endswith(failing.__qualname__)
    assert record.__dict__["error"] == f"{type(error).__name__}: {error}"


def test_a_failed_hook_for_the_end_is_logged_and_the_others_are_called(
    loop_thread: LoopThread, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal()
    hooks = [journal.hook("a"), journal.failing(RuntimeError("it was never opened")), journal.hook("c")]
    Hooks(Registry(shutdown=hooks), loop_thread.wait).shut_down()
    assert journal.events == ["c", "failing", "a"]
    (record,) = caplog.records
    assert (record.levelno, record.message) == (logging.ERROR, "shutdown hook failed")


def test_async_hooks_run_on_one_loop_that_goes_on_between_them(loop_thread: LoopThread) -> None:
    loops, ticked = [], threading.Event()

    async def tick() -> None:
        ticked.set()

    async def start() -> None:
        loops.append(asyncio.get_running_loop())
        tasks.add(asyncio.create_task(tick()))

    async def end() -> None:
        loops.append(asyncio.get_running_loop())

    tasks: set[asyncio.Task[None]] = set()
    lifecycle = Hooks(Registry([start], [end]), loop_thread.wait)
    assert lifecycle.start_up()
    assert ticked.wait(60), "a task that a hook has started does not run"
    lifecycle.shut_down()
    assert loops[0] is loops[1]
