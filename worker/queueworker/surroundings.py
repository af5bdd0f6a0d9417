"""What a worker has around it: queues, threads and time, signals, and a place where its state is served.

`runtime` and `pipeline` take them. `process` has those of a process, `testing` those of a run in memory.
"""

from collections.abc import Mapping
from typing import Protocol

from queueworker.envelopes.s3_pointers import PayloadStore
from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.lease.manager import LeaseQueue
from queueworker.primitives import Primitives
from queueworker.receive.receiver import ReceiveQueue
from queueworker.server import Endpoints


class WorkerQueue(ReceiveQueue, LeaseQueue, Protocol):
    """A queue that a worker consumes."""


class Signals(Protocol):
    """What tells a worker to end."""

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Return the next event, or None after the timeout; see `SignalPipe`."""

    def write_crash(self) -> None:
        """Say that a thread of the worker crashed."""


class Surroundings(Protocol):
    """What the runtime asks for, once each."""

    primitives: Primitives
    """Its threads, and what they wait with."""
    signals: Signals

    def now(self) -> float:
        """Return the time of a monotonic clock, in seconds."""

    def jitter(self) -> float:
        """Return a number from 0 to 1, by which delays are spread."""

    def queue(self, url: str, senders: int) -> WorkerQueue:
        """Return a queue, for so many requests about its messages at the same time."""

    def dead_letter_queue(self, url: str) -> DeadLetterQueue:
        """Return the queue that rejected messages are sent to."""

    def payload_store(self) -> PayloadStore:
        """Return where payloads are that messages point to.

        Raises:
            UsageError: there is no such place, or AWS's settings cannot be used.
        """

    def serve(self, endpoints: Endpoints) -> Mapping[str, object]:
        """Serve the worker's state; return where, for the log."""

    def started(self) -> None:
        """Take note that all is loaded, and messages are received from now on."""
