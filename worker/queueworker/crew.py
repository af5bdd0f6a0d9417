"""Threads that run small jobs, started as they are needed. Used for handlers and for requests to SQS.

Unlike an executor of the standard library it leaves no results behind and does not hold up the end of the process.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

logger = logging.getLogger(__name__)


class Crew:
    """At most `size` daemon threads."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._pending = 0  # jobs given and not yet finished

    def submit(self, job: Callable[[], None]) -> None:
        """Run the job in a thread, soon. It reports its own errors."""
        with self._lock:
            self._pending += 1
            if self._pending > self._threads and self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._jobs.put(job)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception:
                logger.exception("a job of the worker itself failed", extra={"crew": self._name})
            with self._lock:
                self._pending -= 1
