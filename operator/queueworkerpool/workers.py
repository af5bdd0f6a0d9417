"""The only door to the workers' /state. Returns what they tell, or None; raises nothing, decides nothing.

`scheduler.samples` calls it. Workers belong to tenants: an answer that is huge, slow, redirects, or makes no sense
costs nothing but that pod's voice. Only addresses that the API server names as podIP are asked.
"""

import asyncio
import http.client
import json
import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from queueworkerpool.model import WorkerState

TIMEOUT_SECONDS = 1.0
MOST_BYTES = 4096
MOST_SLOTS = 100_000


class WorkerStates:
    """Asks workers how busy they are. Close it to end its threads."""

    def __init__(self, workers: int) -> None:
        """Take how many may be asked at once."""
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="state")

    def close(self) -> None:
        """End the threads; questions under way end by their time-out."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def ask(self, address: str, port: int) -> WorkerState | None:
        """What the worker at this address tells; None when it tells nothing that makes sense."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, _ask, address, port)


def _ask(address: str, port: int) -> WorkerState | None:
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/state", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return parse(body) if answer.status == http.HTTPStatus.OK and len(body) <= MOST_BYTES else None


def parse(body: bytes) -> WorkerState | None:
    """Read the JSON of /state; None when it is not what a worker would say."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, Mapping):
        return None
    numbers = [_number(told.get(name)) for name in ("busy", "concurrency", "processed", "failed", "busySeconds")]
    busy, concurrency, processed, failed, busy_seconds = numbers
    if busy is None or concurrency is None or not 1 <= concurrency <= MOST_SLOTS:
        return None
    return WorkerState(int(busy), int(concurrency), int((processed or 0) + (failed or 0)), busy_seconds or 0.0)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < 2**53 else None
