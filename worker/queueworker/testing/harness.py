"""What the fixture `sqs_worker` gives to a test: a queue, and workers that consume it."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from queueworker.hooks import REGISTRY
from queueworker.testing.clock import Clock
from queueworker.testing.messages import Attribute, Body
from queueworker.testing.queue import Queue
from queueworker.testing.result import Result
from queueworker.testing.worker import Worker


class Harness:
    """A queue in memory, and workers that consume it. A test that needs another kind of queue assigns it."""

    def __init__(self) -> None:
        self.queue = Queue()

    @property
    def clock(self) -> Clock:
        """The queue's clock; handlers let time pass with its `advance`."""
        return self.queue.clock

    def send(self, body: Body, *, group: str | None = None, attributes: Mapping[str, Attribute] | None = None) -> str:
        """Send a message; return its id. See `Queue.send`."""
        return self.queue.send(body, group=group, attributes=attributes)

    def worker(self, handler: str | Callable[..., object], **settings: Any) -> Worker:
        """Return a worker that does not run yet, with these settings. See `Worker`."""
        return Worker(handler, self.queue, **settings)

    def consume(
        self, handler: str | Callable[..., object], *bodies: Body, receives: float = math.inf, **settings: Any
    ) -> Result:
        """Send messages, and handle all that is in the queue. See `consume`."""
        for body in bodies:
            self.queue.send(body)
        return self.worker(handler, **settings).run(receives)


@contextmanager
def registrations_kept() -> Iterator[None]:
    """Forget afterwards the hooks and middleware that a test has defined itself and registered.

    What a module registers stays: it is imported once, and would not register it again.
    """
    kinds: tuple[list[Any], ...] = (REGISTRY.startup, REGISTRY.shutdown, REGISTRY.middleware)
    before = [list(kind) for kind in kinds]
    yield
    for kind, known in zip(kinds, before, strict=True):
        kind[:] = [each for each in kind if each in known or "<locals>" not in getattr(each, "__qualname__", "")]
