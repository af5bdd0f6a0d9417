"""Handlers that block, each message in a thread: Python functions, commands, functions in child processes."""

from functools import partial

from queueworker.handlers.loading import Handler, InterruptibleHandler
from queueworker.handlers.work import Surroundings, Work
from queueworker.lease.table import Lease
from queueworker.threadpool import Crew


class ThreadWork(Work):
    """Handlers that block: each message in a thread."""

    def __init__(self, handler: Handler, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._handler = handler
        self._known: object = handler
        self._crew = Crew("handler", surroundings.concurrency)

    def stop(self) -> None:
        """End the handlers that are processes. A Python function cannot be interrupted."""
        if isinstance(self._known, InterruptibleHandler):
            self._known.stop()

    def _start(self, lease: Lease) -> None:
        self._crew.submit(partial(self._run, lease))

    def _run(self, lease: Lease) -> None:
        begun = self._begin(lease)
        if begun is None:
            return
        message, run = begun
        failure: BaseException | None = None
        try:
            self._handler(message)
        except BaseException as error:  # a handler that calls sys.exit() has failed, the thread goes on
            failure = error
        self._finish(lease, run, failure)
