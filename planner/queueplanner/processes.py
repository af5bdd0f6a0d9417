"""Calls a function with many numbers, in several processes. `play` uses it; it knows nothing of what is called.

Processes are spawned, so that the same happens on each platform. Ctrl-C is for the caller's process alone, which then
ends them; they end by themselves, and at once, when it is gone.
"""

import gc
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess
from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask
from threading import Thread
from typing import Any, Final, Self, TypeVar

Result = TypeVar("Result")

GARBAGE_THRESHOLD: Final = 50_000
"""New objects after which a process looks for garbage. A run makes many that last, and hardly any in cycles: with
Python's own 700 a search takes a few percent longer."""


class ProcessEndedError(Exception):
    """A process ended during a call, as when it is killed because no memory is left.

    Args:
        number: What the function was called with.
        exit_code: Of the process; below zero: the signal that killed it.
    """

    def __init__(self, number: int, exit_code: int | None) -> None:
        super().__init__(f"its process ended with code {exit_code}")
        self.number, self.exit_code = number, exit_code


class Processes:
    """Processes that stay from one series of calls to the next, for each takes a while to start.

    A context manager: to leave it ends them. Where one call goes on at a time, there is none.

    Args:
        count: How many calls go on at the same time.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        self._end()

    def results(self, function: Callable[[int], Result], count: int) -> Generator[tuple[int, Result], None, None]:
        """Call a function with 0, 1 … and yield each number with what came of it, in the order in which they are done.

        Close the iterator when you leave it early: that ends the processes.

        Args:
            function: In several processes, it and what it returns must be picklable, and it must not raise.
            count: How many numbers there are.

        Raises:
            ProcessEndedError
        """
        processes = min(self._count, count)
        if processes <= 1:
            yield from ((number, function(number)) for number in range(count))
            return
        self._workers += _started(processes - len(self._workers))
        is_whole = False
        try:
            for worker in self._workers:
                worker.send(function)
            yield from _served(self._workers, count)
            is_whole = True
        finally:
            if not is_whole:  # some of them still calculate what nobody waits for
                self._end()

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers = []


ALONE = Processes(1)
"""No process beside the caller's."""


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process, and the connection that takes a function and its numbers, and gives results."""

    process: SpawnProcess
    connection: Connection

    def send(self, given: object) -> None:
        """Send a function, or a number to call it with."""
        with suppress(BrokenPipeError):  # it ended just now: the connection says so next
            self.connection.send(given)

    def received(self, number: int) -> Any:
        """Return what came of this number."""
        try:
            result = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            raise ProcessEndedError(number, self.process.exitcode) from None
        return result


def _started(processes: int) -> list[_Worker]:
    resource_tracker.ensure_running()  # where it starts with the first process, it lets SIGINT through again
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})  # a process inherits it, before it could run a line of Python
    try:
        return [_start() for _ in range(processes)]
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _start() -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the connection
    return _Worker(process, ours)


def _serve(connection: Connection) -> None:
    """Call the function that came last with each number that comes."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    function: Callable[[int], object] | None = None
    with suppress(EOFError, ConnectionError):  # the caller is gone
        while True:
            given = connection.recv()
            if function is None or not isinstance(given, int):
                function = given
            else:
                connection.send(function(given))


def _end_with(caller: BaseProcess | None) -> None:
    """End this process, whatever it does, once the caller's has ended: a call may go on for minutes."""
    if caller:
        caller.join()
        os._exit(1)


def _served(workers: Sequence[_Worker], count: int) -> Iterator[tuple[int, Any]]:
    numbers = iter(range(count))
    called: dict[object, tuple[_Worker, int]] = {}

    def call(worker: _Worker) -> None:
        if (number := next(numbers, None)) is not None:
            called[worker.connection] = worker, number
            worker.send(number)

    for worker in workers:
        call(worker)
    while called:
        for ready in wait([worker.connection for worker, _ in called.values()]):
            worker, number = called.pop(ready)
            result = worker.received(number)
            call(worker)
            yield number, result
