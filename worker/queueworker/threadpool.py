"""Threads that run small jobs, started as they are needed. Handlers and requests to SQS run in them.

Unlike an executor of the standard library it keeps no results and does not delay the end of the process.
"""

import logging
from collections import deque
from collections.abc import Callable

from queueworker.primitives import SYSTEM, Primitives

logger = logging.getLogger(__name__)


class ThreadPool:
    """Runs jobs in at most `size` daemon threads.

    Waking a thread is expensive, and pointless while one that is awake can take the next job as well. So only one
    thread is being woken at any time, and a thread that takes a job while more are waiting wakes the next: jobs that
    block all run after as many wakings, and jobs that take no time need hardly any.
    """

    def __init__(self, name: str, size: int, primitives: Primitives = SYSTEM) -> None:
        self._name = name
        self._size = size
        self._jobs: deque[Callable[[], None]] = deque()
        self._primitives = primitives
        self._submitted = primitives.condition()
        self._threads = 0
        self._idle = 0
        self._waking = False

    def submit(self, *jobs: Callable[[], None]) -> None:
        """Run each job in a thread, soon. An exception of a job is logged.

        Raises:
            RuntimeError: there is no thread, and none can be started.
        """
        with self._submitted:
            self._jobs.extend(jobs)
            self._wake_one()

    def _wake_one(self) -> None:
        """Make sure that a thread takes the next job. Called with the lock."""
        if self._waking or not self._jobs:
            return
        if self._idle:
            self._waking = True
            self._submitted.notify()
        elif self._threads < self._size:
            self._start_thread()

    def _start_thread(self) -> None:
        try:
            self._primitives.start(f"{self._name}-{self._threads + 1}", self._run_jobs)
        except RuntimeError as error:  # the limit of processes, or memory: a thread that is busy takes the job later
            if not self._threads:
                raise
            logger.warning("thread cannot be started", extra={"thread_pool": self._name, "error": str(error)})
        else:
            self._waking = True
            self._threads += 1

    def _run_jobs(self) -> None:
        woken = True
        while True:
            with self._submitted:
                while not self._jobs:
                    if woken:
                        self._waking = woken = False
                    self._idle += 1
                    self._submitted.wait()
                    self._idle -= 1
                    woken = True
                job = self._jobs.popleft()
                if woken:
                    self._waking = woken = False
                self._wake_one()
            try:
                job()
            except Exception:
                logger.exception("job in a thread pool failed", extra={"thread_pool": self._name})
