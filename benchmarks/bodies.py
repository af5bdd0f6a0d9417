"""Bodies: what it costs to make a handler's argument of a message, beyond the call of one that takes it whole."""

import json
import os
import subprocess
import sys
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from time import process_time
from typing import Any, Final

import pydantic

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from queueworker import Message
from queueworker.envelopes.opening import Opener
from queueworker.handlers.fitting import fit

CALLS: Final = 2000
LIMIT_MICROSECONDS: Final = 20.0
LIMIT_CLIENT_MIB: Final = 20.0
CLIENT: Final = """
import os
from pathlib import Path
from queueworker.runtime import Runtime
from queueworker.sqs import SqsQueue, WorkerCredentials
url, credentials = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs", WorkerCredentials()
queue = SqsQueue(url, credentials, wait_seconds=1, visibility_seconds=30, change_connections=4)
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = resident()
from queueworker.s3 import S3Payloads
payloads = S3Payloads(credentials, url, limit_mib=1, connections=4)
print(resident() - before)
"""
AWS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
ORDER: Final = {"id": 7, "customer": "c-42", "placed": "2026-11-26T18:00:00Z", "total": 12.5}


@dataclass
class Order:
    """A small order, as a dataclass."""

    id: int
    customer: str
    placed: datetime
    total: Decimal
    note: str | None = None


class OrderModel(pydantic.BaseModel):
    """The same as a model of pydantic."""

    id: int
    customer: str
    placed: datetime
    total: Decimal
    note: str | None = None


def take_message(message: Message) -> None:
    """Take the message whole."""


def take_text(body: str) -> None:
    """Take the body."""


def take_dict(order: dict[str, Any]) -> None:
    """Take what the JSON says."""


def take_dataclass(order: Order) -> None:
    """Take an order."""


def take_both(order: Order, message: Message) -> None:
    """Take an order and its message."""


def take_model(order: OrderModel) -> None:
    """Take an order."""


HANDLERS: Final[Mapping[str, Callable[..., None]]] = {
    "str": take_text,
    "dict": take_dict,
    "dataclass": take_dataclass,
    "dataclass and message": take_both,
    "pydantic model": take_model,
}


def measure(*, rounds: int) -> Result:
    """Call each handler many times; the figure is the best round: whatever makes a round slower is noise."""
    message = Message("id", json.dumps(ORDER), "handle")
    notification = Message("id", json.dumps({"Type": "Notification", "Message": json.dumps(ORDER)}), "handle")
    opener = Opener(["sns"])
    calls = {name: _bound(fit(handler), message) for name, handler in HANDLERS.items()}
    calls["envelope of SNS"] = lambda: opener(notification)
    empty = _microseconds(_bound(take_message, message), rounds)
    costs = {name: round(_microseconds(call, rounds) - empty, 1) for name, call in calls.items()}
    return Result(
        "bodies",
        f"an order of {len(message.body)} bytes and five fields; a handler that takes the message is called as it is",
        [
            Figure("changes for a handler that takes the message", int(fit(take_message) is not take_message), limit=0),
            *(Figure(f"{name}_microseconds", cost, limit=LIMIT_MICROSECONDS) for name, cost in costs.items()),
            Figure("s3_client_mib", _client_mib(), limit=LIMIT_CLIENT_MIB),
        ],
        {},
    )


def _client_mib() -> float:
    """Return by how much a process grows that follows pointers to S3."""
    done = subprocess.run([sys.executable, "-c", CLIENT], env=os.environ | AWS, check=True, capture_output=True)
    return round(float(done.stdout), 1)


def _bound(handler: Callable[[Message], object], message: Message) -> Callable[[], object]:
    return lambda: handler(message)


def _microseconds(call: Callable[[], object], rounds: int) -> float:
    return min(timeit.repeat(call, timer=process_time, number=CALLS, repeat=20 * rounds)) / CALLS * 1e6


BENCH = Bench(name="bodies", measure=measure, options=("rounds",))
