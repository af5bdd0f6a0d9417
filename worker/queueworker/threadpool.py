"""Threads that run small jobs, started as they are needed. Used for handlers and for requests to SQS.

Unlike an executor of the standard library it leaves no results behind and does not hold up the end of the process.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Crew:
    """At most `size` daemon threads.

    To wake a thread is dear, and pointless while one that is awake can take the next job as well. So only one thread is
    being woken at any time, and whoever takes a job while more are waiting sees to the next: jobs that block are
    all under way after as many wakings, and jobs that take no time need hardly any.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: deque[Callable[[], None]] = deque()
        self._given = threading.Condition(threading.Lock())
        self._threads = 0
        self._idle = 0
        self._waking = False

    def submit(self, *jobs: Callable[[], None]) -> None:
        """Run each job in a thread, soon. They report their own errors."""
        with self._given:
            self._jobs.extend(jobs)
            self._call()

    def _call(self) -> None:
        """See that somebody comes for the next job. Called with the lock."""
        if self._waking or not self._jobs:
            return
        if self._idle:
            self._waking = True
            self._given.notify()
        elif self._threads < self._size:
            self._waking = True
            self._threads += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        called = True
        while True:
            with self._given:
                while not self._jobs:
                    if called:
                        self._waking = called = False
                    self._idle += 1
                    self._given.wait()
                    self._idle -= 1
                    called = True
                job = self._jobs.popleft()
                if called:
                    self._waking = called = False
                self._call()
            try:
                job()
            except Exception:
                logger.exception("a job of the worker itself failed", extra={"crew": self._name})
