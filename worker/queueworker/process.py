"""The surroundings of a worker that is a process: SQS, a signal pipe, an HTTP server. `commands.run` makes them."""

import gc
import random
import time
from collections.abc import Mapping

from queueworker.envelopes.opening import DELETE_THREADS
from queueworker.envelopes.s3_pointers import PayloadStore
from queueworker.handlers.dead_letters import DeadLetterQueue
from queueworker.primitives import SYSTEM, Primitives
from queueworker.server import Endpoints, StateServer
from queueworker.settings import Settings
from queueworker.signals import SignalPipe
from queueworker.sqs import SqsDeadLetterQueue, SqsQueue, WorkerCredentials
from queueworker.surroundings import Signals, WorkerQueue

_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former is Linux's


def boot_seconds() -> float:
    """Return the seconds since boot: nobody sets this clock, and it runs while the machine sleeps, as SQS's does."""
    return time.clock_gettime(_BOOT_CLOCK)


class Process:
    """The surroundings of a worker that is a process."""

    primitives: Primitives = SYSTEM
    now = staticmethod(boot_seconds)
    jitter = staticmethod(random.random)

    def __init__(self, settings: Settings) -> None:
        """Take the worker's settings; from now on signals are waited for."""
        self.signals: Signals = SignalPipe()
        self._settings = settings
        # For both kinds of queue: a message can be rejected as long as it can be deleted.
        self._credentials = WorkerCredentials()

    def queue(self, url: str, senders: int) -> WorkerQueue:
        """Return a queue of SQS.

        Raises:
            UsageError: no region is set for it.
        """
        return SqsQueue(
            url,
            self._credentials,
            wait_seconds=self._settings.wait_seconds,
            visibility_seconds=self._settings.visibility_seconds,
            change_connections=senders,
        )

    def dead_letter_queue(self, url: str) -> DeadLetterQueue:
        """Return a queue of SQS. Raises as `queue` does."""
        return SqsDeadLetterQueue(url, self._credentials)

    def payload_store(self) -> PayloadStore:
        """Return S3. Raises as `queue` does."""
        from queueworker.s3 import S3Payloads  # noqa: PLC0415 -- botocore's client: half of a worker's start

        settings = self._settings
        connections = settings.concurrency + DELETE_THREADS
        url = settings.queues[0].url
        return S3Payloads(self._credentials, url, limit_mib=settings.payload_limit_mib, connections=connections)

    def serve(self, endpoints: Endpoints) -> Mapping[str, object]:
        """Serve the worker's state until the process ends.

        Raises:
            OSError: the state port cannot be bound.
        """
        server = StateServer(self._settings.state_host, self._settings.state_port, endpoints)
        return {"port": server.port, "address": server.address}

    def started(self) -> None:
        """Let what is loaded by now stay: to scan botocore's models again and again costs a tenth."""
        gc.freeze()
