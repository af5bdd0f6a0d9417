"""Clients of the workers' state servers: many at once, and some so slow that they take every connection there is.

`run` starts it beside the rest. Whatever they do, a worker that lives answers a probe.
"""

import http.client
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

from testbed.gauntlet.workers import Worker

PAUSE_SECONDS = 0.5
PROBE_SECONDS = 10.0
CROWD = 8
SLOW_CLIENTS = 80
SLOW_SECONDS = 2.0
SHARE_OF_SLOW = 0.1
PATHS = ("/metrics", "/state", "/livez", "/readyz")


class Scrapes:
    """Asks one worker after the other, chosen by dice, until it is closed.

    Args:
        workers: Returns those that there are now.
        seed: For the dice.
    """

    def __init__(self, workers: Callable[[], Sequence[Worker]], seed: int) -> None:
        self._workers = workers
        self._dice = random.Random(seed)
        self._ended = threading.Event()
        self.answered = 0
        self.slow_crowds = 0
        self.failures: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask while the body runs."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(CROWD) as crowd:
            while not self._ended.wait(PAUSE_SECONDS):
                served = [each for each in self._workers() if each.living and each.serves]
                if served:
                    self._visit(crowd, self._dice.choice(served))

    def _visit(self, crowd: ThreadPoolExecutor, worker: Worker) -> None:
        if self._dice.random() >= SHARE_OF_SLOW:
            paths = [self._dice.choice(PATHS) for _ in range(CROWD)]
            list(crowd.map(lambda path: self._ask(worker, path), paths))
            return
        self.slow_crowds += 1
        with ExitStack() as connections, suppress(OSError):
            for _ in range(SLOW_CLIENTS):
                slow = connections.enter_context(socket.create_connection(("127.0.0.1", worker.port), 5))
                slow.sendall(b"GET /metr")
            self._ask(worker, "/livez")
            self._ended.wait(SLOW_SECONDS)

    def _ask(self, worker: Worker, path: str) -> None:
        """Ask once more where there was no answer: a kubelet's probe may fail thrice before it counts."""
        found = _problem(worker.port, path) and _problem(worker.port, path)
        if not found:
            self.answered += 1
        elif worker.living:
            self.failures.append(f"{worker.name} {path}: {found}")


def _problem(port: int, path: str) -> str:
    """Return what is wrong with the answer to a request; empty for nothing."""
    begun = time.monotonic()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__} after {time.monotonic() - begun:.1f} s"
    return "" if status == http.client.OK or path == "/readyz" else f"status {status}"
