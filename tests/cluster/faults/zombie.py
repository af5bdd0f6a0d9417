"""An operator of which one part dies at SIGUSR1: `python -m tests.cluster.faults.zombie PART`.

`test_zombies` runs it. Nothing in the operator is meant to be broken, so this module breaks it from outside.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from queueworkerpool.__main__ import main
from queueworkerpool.cluster.connection import Connection
from queueworkerpool.queues.sqs import SqsQueues
from queueworkerpool.queues.sqs.clients import Clients
from queueworkerpool.scheduler import Scheduler
from queueworkerpool.watch import adapter

dead = threading.Event()


def deadlock() -> None:
    """Wait for a lock that nobody will ever release."""
    lock = threading.Lock()
    with lock:
        lock.acquire()


def deadlocked(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same work, until its part is dead."""

    def works(*args: Any, **kwargs: Any) -> Any:
        if dead.is_set():
            deadlock()
        return work(*args, **kwargs)

    return works


async def watch_that_hangs(*args: Any) -> None:
    """Watch, and block its event loop when its part is dead; also when it is restarted."""
    watching = asyncio.create_task(watch(*args))
    while not dead.is_set():  # noqa: ASYNC110 -- set by a signal
        await asyncio.sleep(0.1)
    deadlock()
    await watching


def die(*_: object) -> None:
    """Handle SIGUSR1, in the thread of the operator's event loop."""
    dead.set()
    if sys.argv[1] == "loop":
        deadlock()


watch = adapter.watch
match sys.argv[1]:
    case "watch":
        adapter.watch = watch_that_hangs  # type: ignore[assignment] # the part that dies
    case "queues":
        # Credentials have ended, and what finds new ones hangs: that alone runs in a thread.
        prepared = SqsQueues._prepared
        SqsQueues._prepared = lambda *args: None if dead.is_set() else prepared(*args)  # type: ignore[method-assign] # the part that dies
        Clients.prepare = deadlocked(Clients.prepare)  # type: ignore[method-assign] # the part that dies
    case "cluster":
        Connection._request = deadlocked(Connection._request)  # type: ignore[method-assign] # the part that dies
    case "scheduler":
        begin = Scheduler._start
        Scheduler._start = lambda *args: None if dead.is_set() else begin(*args)  # type: ignore[method-assign] # the part that dies

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, die)
    main(["operator"])
