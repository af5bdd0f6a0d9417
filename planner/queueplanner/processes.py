"""Calls a function with many numbers, in several processes. `play` uses it; it knows nothing of what is called.

Processes are spawned, so that the same happens on each platform. Ctrl-C is for the caller's process alone, which then
ends them; they end by themselves, and at once, when it is gone.
"""

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
from typing import Generic, TypeVar

Result = TypeVar("Result")


class ProcessEndedError(Exception):
    """A process ended during a call, as when it is killed because no memory is left.

    Args:
        number: What the function was called with.
        exit_code: Of the process; below zero: the signal that killed it.
    """

    def __init__(self, number: int, exit_code: int | None) -> None:
        super().__init__(f"its process ended with code {exit_code}")
        self.number, self.exit_code = number, exit_code


def results(function: Callable[[int], Result], count: int, processes: int) -> Generator[tuple[int, Result], None, None]:
    """Call a function with 0, 1 … and yield each number with what came of it, in the order in which they are done.

    Close the iterator when you leave it early: that ends the processes.

    Args:
        function: In several processes, it and what it returns must be picklable, and it must not raise.
        count: How many numbers there are.
        processes: How many calls go on at the same time. One needs no process of its own.

    Raises:
        ProcessEndedError
    """
    processes = min(processes, count)
    if processes <= 1:
        yield from ((number, function(number)) for number in range(count))
        return
    workers = _started(function, processes)
    try:
        yield from _served(workers, count)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()


@dataclass(frozen=True, slots=True)
class _Worker(Generic[Result]):
    """A process, and the connection that takes numbers and gives results."""

    process: SpawnProcess
    connection: Connection

    def received(self, number: int) -> Result:
        """Return what came of this number."""
        try:
            result: Result = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            raise ProcessEndedError(number, self.process.exitcode) from None
        return result


def _started(function: Callable[[int], Result], processes: int) -> list[_Worker[Result]]:
    resource_tracker.ensure_running()  # where it starts with the first process, it lets SIGINT through again
    before = pthread_sigmask(SIG_BLOCK, {SIGINT})  # a process inherits it, before it could run a line of Python
    try:
        return [_start(function) for _ in range(processes)]
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _start(function: Callable[[int], Result]) -> _Worker[Result]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(function, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the connection
    return _Worker(process, ours)


def _serve(function: Callable[[int], Result], connection: Connection) -> None:
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()
    with suppress(EOFError, ConnectionError):  # the caller is gone
        while True:
            connection.send(function(connection.recv()))


def _end_with(caller: BaseProcess | None) -> None:
    """End this process, whatever it does, once the caller's has ended: a call may go on for minutes."""
    if caller:
        caller.join()
        os._exit(1)


def _served(workers: Sequence[_Worker[Result]], count: int) -> Iterator[tuple[int, Result]]:
    numbers = iter(range(count))
    called: dict[object, tuple[_Worker[Result], int]] = {}

    def call(worker: _Worker[Result]) -> None:
        if (number := next(numbers, None)) is not None:
            called[worker.connection] = worker, number
            with suppress(BrokenPipeError):  # it ended just now: the connection says so next
                worker.connection.send(number)

    for worker in workers:
        call(worker)
    while called:
        for ready in wait([worker.connection for worker, _ in called.values()]):
            worker, number = called.pop(ready)
            result = worker.received(number)
            call(worker)
            yield number, result
