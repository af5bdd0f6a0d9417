"""A run in memory does what a worker does.

The same messages come to the same end with `queueworker.testing` and with a process that consumes a queue of ElasticMQ.
"""

import json
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devcluster.sqs import ElasticMq
from queueworker.model import REASON_ATTRIBUTE
from queueworker.testing import Queue as MemoryQueue
from queueworker.testing import Worker as MemoryWorker
from tests.adapters.worker.conftest import PROGRAMS, Queue, Worker, until

MAX_RECEIVE_COUNT = 2


@dataclass(frozen=True)
class Case:
    """Messages, and the worker that gets them."""

    bodies: tuple[str, ...]
    handler: str = "handle"
    settings: dict[str, Any] = field(default_factory=dict)
    fifo: bool = False
    dead_letter_queue: bool = False
    terminated_after: int | None = None
    """SIGTERM is sent when so many handlers have begun; without it, when the queue is empty."""


CASES = {
    "what succeeds is deleted": Case(("fine", "again")),
    "what fails is tried again until it is a dead letter": Case(("fine", "fail", "leave", "value")),
    "what fails once is handled at the second try": Case(("fail-once",)),
    "a coroutine's failures": Case(("fine", "fail", "leave", "value", "fail-once"), "handle_async"),
    "a retry comes when it was asked for": Case(("retry",)),
    "what is rejected goes to the dead-letter queue": Case(("reject", "fine"), dead_letter_queue=True),
    "a coroutine rejects": Case(("reject", "fine"), "handle_async", dead_letter_queue=True),
    "without that queue it fails like others": Case(("reject",)),
    "a long handler is extended": Case(("sleep 7",), settings={"visibility_seconds": 3}),
    "a long coroutine is extended": Case(("sleep 7", "sleep 5"), "handle_async", {"visibility_seconds": 3}),
    "a handler extends its message itself": Case(("extend 60",)),
    "a coroutine extends its message itself": Case(("extend 60",), "handle_async"),
    "a group keeps its order, and a failure stops it": Case(("fail-once", "sleep 0.1", "fine", "again"), fifo=True),
    "a body that does not fit is rejected": Case(('{"number": 1}', "none"), "charge", dead_letter_queue=True),
    "of a batch each message fares on its own": Case(
        ("fine", "fail", "retry", "reject", "again"), "handle_batch", dead_letter_queue=True
    ),
    "an envelope is opened": Case(('{"Type": "Notification", "Message": "fine"}',), settings={"envelope": ("sns",)}),
    "a worker that ends finishes what it has begun, and returns the rest": Case(
        ("sleep 6", "fine"), settings={"concurrency": 1}, terminated_after=1
    ),
    "what outlasts the grace period is released": Case(
        ("sleep 60",), settings={"grace_seconds": 1}, terminated_after=1
    ),
    "coroutines that outlast it are cancelled": Case(
        ("sleep 60", "sleep 1"), "handle_async", {"grace_seconds": 6}, terminated_after=2
    ),
    "the end of the grace period is the deadline": Case(("one",), "deadline", terminated_after=1),
}


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    journal: tuple[str, ...]
    """What the handlers did: in order where there is one, else sorted."""
    dead: tuple[tuple[str, str | None], ...]
    """The bodies of dead letters, with the reason that was given."""
    left: tuple[str, ...]
    exit_code: int


def journal(path: Path, case: Case) -> tuple[str, ...]:
    lines = path.read_text().splitlines() if path.exists() else []
    return tuple(lines if case.fifo else sorted(lines))


def in_memory(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run a case with `queueworker.testing`."""
    path = folder / "journal"
    monkeypatch.setenv("JOURNAL", str(path))
    monkeypatch.syspath_prepend(str(PROGRAMS))
    queue = MemoryQueue(fifo=case.fifo, max_receive_count=MAX_RECEIVE_COUNT)
    for body in case.bodies:
        queue.send(body, group="group" if case.fifo else None)
    worker = MemoryWorker(
        f"same_handlers:{case.handler}", queue, dead_letter_queue=case.dead_letter_queue, **settings(case)
    )
    monkeypatch.setattr("same_handlers.pause", queue.clock.advance)
    if case.terminated_after is not None:
        worker.terminate_after(0.5)
    result = worker.run()
    reasons = [(message.body, message.attributes.get(REASON_ATTRIBUTE)) for message in result.dead_letters]
    dead = [(body, None if reason is None else str(reason)) for body, reason in reasons]
    return Outcome(journal(path, case), in_any_order(dead), tuple(sorted(result.left)), result.exit_code)


def in_any_order(dead: list[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    return tuple(sorted(dead, key=str))


def settings(case: Case) -> dict[str, Any]:
    return {"retry_seconds": 0, "wait_seconds": 1, **case.settings}


def flags_of(given: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        for each in value if isinstance(value, tuple) else (value,):
            yield from (f"--{name.replace('_', '-')}", str(each))


def in_a_worker(case: Case, folder: Path, server: ElasticMq, expected: Outcome) -> Outcome:
    """Run a case with a worker on ElasticMQ, for as long as the other run lets one expect."""
    suffix, attributes = ("", {}) if not case.fifo else (".fifo", {"FifoQueue": "true"})
    name = f"same-{time.time_ns()}"
    dead = Queue(server, f"{name}-dead{suffix}", **attributes)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": str(MAX_RECEIVE_COUNT)})
    queue = Queue(server, f"{name}{suffix}", RedrivePolicy=policy, **attributes)
    for number, body in enumerate(case.bodies):
        group = {"MessageGroupId": "group", "MessageDeduplicationId": str(number)} if case.fifo else {}
        queue.send(body, **group)
    flags = list(flags_of(settings(case)))
    flags += ["--dead-letter-queue", dead.url] if case.dead_letter_queue else []
    worker = Worker(queue, folder, "--handler", f"same_handlers:{case.handler}", *flags)
    try:
        if case.terminated_after is not None:
            worker.until_events(case.terminated_after, "started")
        else:
            count = len(expected.journal)
            until(lambda: len(journal(worker.journal, case)) >= count, 60, f"{expected} {worker.log.read_text()}")
            until(lambda: queue.depth() == (0, 0), 60, f"messages are left: {worker.log.read_text()}")
        worker.signal(signal.SIGTERM)
        exit_code = worker.wait()
    finally:
        worker.kill()
    left = tuple(sorted(body for body, _ in contents(queue)))
    return Outcome(journal(worker.journal, case), in_any_order(contents(dead)), left, exit_code)


def contents(queue: Queue) -> list[tuple[str, str | None]]:
    """Receive all messages that are visible; return their bodies, each with the reason for which it was rejected."""
    found: list[tuple[str, str | None]] = []
    while messages := received(queue):
        for message in messages:
            reason = message.get("MessageAttributes", {}).get(REASON_ATTRIBUTE, {}).get("StringValue")
            found.append((message["Body"], reason))
    return found


def received(queue: Queue) -> list[Any]:
    answer: Any = queue.client.receive_message(
        QueueUrl=queue.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(answer.get("Messages", ()))


Outcomes = dict[str, Outcome]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What comes of each case in memory."""
    outcomes = {}
    for name, case in CASES.items():
        with pytest.MonkeyPatch.context() as monkeypatch:
            outcomes[name] = in_memory(case, tmp_path_factory.mktemp("memory"), monkeypatch)
    sys.modules.pop("same_handlers")
    return outcomes


@pytest.fixture(scope="module")
def measured(elasticmq: ElasticMq, expected: Outcomes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What comes of each case in a worker; a few at a time, because most of it is waiting."""
    folders = {name: tmp_path_factory.mktemp("worker") for name in CASES}
    with ThreadPoolExecutor(6) as pool:
        yield {
            name: pool.submit(in_a_worker, case, folders[name], elasticmq, expected[name])
            for name, case in CASES.items()
        }


@pytest.mark.parametrize("name", CASES)
def test_a_run_in_memory_and_a_worker_come_to_the_same(name: str, expected: Outcomes, measured: Any) -> None:
    assert measured[name].result() == expected[name]
