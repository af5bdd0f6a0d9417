"""One message's way through a handler: started, run, judged, ended. In threads or, for coroutines, on an event loop.

The receiver hands messages in, the custodian is told how each ended, and the slot becomes free. Where messages have
groups, the lanes decide which may start.
"""

import logging
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from queueworker.backoff import retry_seconds
from queueworker.crew import Crew
from queueworker.custodian import Custodian
from queueworker.handlers import Command, CommandFailedError, CoroutineHandler, Handler, is_coroutine_function
from queueworker.lanes import Lanes
from queueworker.leases import Lease
from queueworker.model import DELETE, RELEASE, Ending, InterruptedWorkError, Retry
from queueworker.slots import Slots
from queueworker.stats import Stats

if TYPE_CHECKING:
    import asyncio

logger = logging.getLogger(__name__)

CANCEL_SECONDS = 2.0
"""How long cancelled coroutines may take to end."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the work on a message touches."""

    custodian: Custodian
    slots: Slots
    stats: Stats
    retry_base_seconds: int
    jitter: Callable[[], float] = random.random


def work_of(handler: Handler, surroundings: Surroundings) -> "Work":
    """The kind of work that fits the handler."""
    if is_coroutine_function(handler):
        return CoroutineWork(handler, surroundings)
    return ThreadWork(handler, surroundings)


class Work(ABC):
    """Runs a handler over messages. Every lease that enters is ended, and its slot given back."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._lanes: Lanes[Lease] = Lanes()
        self._lock = threading.Lock()

    @abstractmethod
    def stop(self) -> None:
        """Interrupt the handlers that can be; their messages go back. Returns when these have ended."""

    @abstractmethod
    def _start(self, lease: Lease) -> None: ...

    def accept(self, leases: Iterable[Lease]) -> None:
        """Start the messages, or queue them in the lanes of their groups. Each has a slot."""
        for lease in leases:
            if lease.message.group is None or self._enter(lease.message.group, lease):
                self._start(lease)

    def _enter(self, group: str, lease: Lease) -> bool:
        with self._lock:
            return self._lanes.enter(group, lease)

    def _begin(self, lease: Lease) -> float | None:
        """The start of the handler's time; None when the gate has closed meanwhile and the message goes back."""
        if self._around.slots.closed:
            self._end(lease, RELEASE)
            return None
        return self._around.stats.start()

    def _finish(self, lease: Lease, started: float, error: BaseException | None) -> None:
        seconds = self._around.stats.finish(started, succeeded=error is None)
        if error is not None:
            _log_failure(lease, error, seconds)
        self._end(lease, self._ending(lease, error))

    def _ending(self, lease: Lease, error: BaseException | None) -> Ending:
        if error is None:
            return DELETE
        if isinstance(error, Retry):
            return Ending(error.after_seconds)
        if isinstance(error, InterruptedWorkError):
            return RELEASE
        around = self._around
        return Ending(retry_seconds(around.retry_base_seconds, lease.message.receive_count, around.jitter()))

    def _end(self, lease: Lease, ending: Ending) -> None:
        self._around.custodian.end(lease, ending)
        if lease.message.group is not None:
            self._leave(lease.message.group, succeeded=ending is DELETE)
        self._around.slots.give_back()

    def _leave(self, group: str, *, succeeded: bool) -> None:
        with self._lock:
            following = self._lanes.advance(group) if succeeded else None
            stopped = [] if succeeded else self._lanes.stop(group)
        for lease in stopped:
            self._around.custodian.end(lease, RELEASE)
        self._around.slots.give_back(len(stopped))
        if following is not None:
            self._start(following)


class ThreadWork(Work):
    """Handlers that block: each message in a thread."""

    def __init__(self, handler: Handler, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._handler = handler
        self._crew = Crew("handler", surroundings.slots.size)

    def stop(self) -> None:
        """End the commands. A Python function cannot be interrupted."""
        if isinstance(self._handler, Command):
            self._handler.stop()

    def _start(self, lease: Lease) -> None:
        self._crew.submit(partial(self._run, lease))

    def _run(self, lease: Lease) -> None:
        started = self._begin(lease)
        if started is None:
            return
        failure: BaseException | None = None
        try:
            self._handler(lease.message)
        except BaseException as error:  # a handler that calls sys.exit() has failed, the thread goes on
            failure = error
        self._finish(lease, started, failure)


class CoroutineWork(Work):
    """Handlers that are coroutines: all of them on one event loop, in one thread."""

    def __init__(self, handler: CoroutineHandler, surroundings: Surroundings) -> None:
        import asyncio  # noqa: PLC0415 -- a worker whose handler blocks need not load it: 6 ms and 2 MiB

        super().__init__(surroundings)
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        threading.Thread(target=self._loop.run_forever, name="loop", daemon=True).start()

    def stop(self) -> None:
        """Cancel the coroutines that run."""
        ended = threading.Event()
        self._loop.call_soon_threadsafe(self._cancel, ended)
        ended.wait(CANCEL_SECONDS)

    def _start(self, lease: Lease) -> None:
        self._loop.call_soon_threadsafe(self._spawn, lease)

    def _spawn(self, lease: Lease) -> None:
        task = self._loop.create_task(self._run(lease))
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._tasks.discard)

    def _cancel(self, ended: threading.Event) -> None:
        for task in self._tasks:
            task.cancel()
        waiting = self._loop.create_task(self._all_ended(set(self._tasks)))
        waiting.add_done_callback(lambda _: ended.set())

    async def _all_ended(self, tasks: "set[asyncio.Task[None]]") -> None:
        import asyncio  # noqa: PLC0415 -- see __init__

        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, lease: Lease) -> None:
        import asyncio  # noqa: PLC0415 -- see __init__

        started = self._begin(lease)
        if started is None:
            return
        failure: BaseException | None = None
        try:
            await self._handler(lease.message)
        except asyncio.CancelledError:
            failure = InterruptedWorkError()
        except BaseException as error:  # as in ThreadWork
            failure = error
        self._finish(lease, started, failure)


def _log_failure(lease: Lease, error: BaseException, seconds: float) -> None:
    message = lease.message
    about = {"message_id": message.id, "receive_count": message.receive_count, "seconds": round(seconds, 3)}
    if isinstance(error, Retry | InterruptedWorkError):
        logger.info("a message goes back to the queue", extra=about | {"because": str(error) or "the worker ends"})
        return
    text = f"{type(error).__name__}: {error}"
    traced = None if isinstance(error, CommandFailedError) else error
    logger.error("the handler failed", exc_info=traced, extra=about | {"error": text[:500]})
