"""Runs a handler over messages in memory, by the runtime of every worker, in surroundings of its own.

Tests call `consume`, or make a `Worker`, which can be told to end while it works.
"""

import math
import signal
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from queueworker.handlers.loading import load, prepare
from queueworker.runtime import Runtime
from queueworker.settings import QueueShare, Settings
from queueworker.testing.messages import Body
from queueworker.testing.queue import Queue
from queueworker.testing.recorder import Recorder
from queueworker.testing.result import Result
from queueworker.testing.surroundings import InMemory, SentSignals

TIMEOUT_SECONDS: Final = 60.0
"""How long a run may take in real time."""


def consume(
    handler: str | Callable[..., object],
    messages: Queue | Mapping[Queue, int] | Iterable[Body],
    *,
    receives: float = math.inf,
    **settings: Any,
) -> Result:
    """Handle messages until the queue is empty, as a worker would; return what came of it.

    Args:
        handler: the function, or its name as `--handler` takes it.
        messages: a queue, several with their weights, or the messages of one.
        receives: end once this many messages have been received and are done.
        settings: those of `Worker`.
    """
    queue = messages if isinstance(messages, Queue | Mapping) else _queue_of(messages)
    return Worker(handler, queue, **settings).run(receives)


def _queue_of(messages: Iterable[Body]) -> Queue:
    queue = Queue()
    for message in messages:
        queue.send(message)
    return queue


class Worker:
    """A worker in memory.

    Args:
        handler: the function, or its name as `--handler` takes it.
        queue: what it consumes; several, each with its weight, have different names and the same clock.
        dead_letter_queue: rejected messages go to the queue's `dead_letters`; else they fail like others.
        timeout_seconds: how long a run may take in real time.
        settings: others of `queueworker run`, such as `concurrency=2`, with its defaults. Waits that are spread at
            random have their full length.
    """

    def __init__(
        self,
        handler: str | Callable[..., object],
        queue: Queue | Mapping[Queue, int],
        *,
        dead_letter_queue: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        **settings: Any,
    ) -> None:
        weights = {queue: 1} if isinstance(queue, Queue) else queue
        self._queues = {each.url: each for each in weights}
        clocks = {each.clock for each in weights}
        if len(clocks) != 1 or len(self._queues) != len(weights):
            raise ValueError("queues of one worker need different names, and the same clock: Queue(name=…, clock=…)")
        (self._clock,) = clocks
        self._recorder = Recorder(self._queues, self._clock)
        self._handler = self._recorder.wrap(load(handler) if isinstance(handler, str) else prepare(handler))
        self._timeout_seconds = timeout_seconds
        self._settings = Settings(
            queues=tuple(QueueShare(each.url, weight) for each, weight in weights.items()),
            handler="in_memory:handler",
            dead_letter_queue=next(iter(weights)).dead_letter_url if dead_letter_queue else None,
            **settings,
        )
        self._signals: SentSignals | None = None
        self._terminate_after: list[float] = []

    def terminate(self) -> None:
        """Let the worker end as by SIGTERM. Called by a handler: before there is a run, see `terminate_after`."""
        if self._signals is None:
            raise RuntimeError("the worker does not run: use terminate_after")
        self._signals.send(signal.SIGTERM)

    def terminate_after(self, *seconds: float) -> None:
        """Let the next run end as by SIGTERM after so many seconds; of several, each is a signal."""
        self._terminate_after += seconds

    def run(self, receives: float = math.inf) -> Result:
        """Work until the queue is empty, or so many messages have been received and are done, or `terminate`.

        Raises:
            StuckError: the handler blocks for too long in real time.
        """
        clock = self._clock
        with clock.run(self._timeout_seconds):
            surroundings = InMemory(self._queues, clock, receives)
            self._signals = surroundings.sent_signals
            runtime = Runtime(self._settings, self._handler, surroundings)
            for seconds in self._terminate_after:
                clock.start("signal", partial(self._terminate_later, seconds))
            exit_code = runtime.run()
        self._signals, self._terminate_after = None, []
        return Result(list(self._queues.values()), self._recorder.attempts, exit_code)

    def _terminate_later(self, seconds: float) -> None:
        self._clock.advance(seconds)
        self.terminate()
