"""Work under restarts and faults, with a proxy that records at any time which worker has which message."""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from tests.adapters.worker.conftest import Queue, StartWorker, Worker, side_by_side, until
from tests.adapters.worker.proxy import Proxy

RESTARTS = int(os.environ.get("ROLLING_RESTARTS", "20"))
"""How many workers are replaced; 500 take some ten minutes per server."""


def known_as(worker: str, proxy: Proxy) -> dict[str, str]:
    """Return the environment of a worker that the proxy recognizes by this name."""
    return {"AWS_ENDPOINT_URL_SQS": proxy.endpoint, "AWS_ACCESS_KEY_ID": worker}


def wait_until_empty(queue: Queue) -> None:
    until(lambda: queue.depth() == (0, 0), 60, "a message was not deleted")


@contextmanager
def steady_load(queue: Queue, random: Random) -> Iterator[list[str]]:
    """Send messages meanwhile, in bursts with pauses in which polls wait; yield the bodies that were sent."""
    sent: list[str] = []
    enough = threading.Event()

    def send() -> None:
        while not enough.wait(random.choice((0.05, 0.3, 1.5))):
            batch = [f"m{len(sent) + number} {random.choice((0.01, 0.1, 0.5))}" for number in range(10)]
            queue.send(*batch)
            sent.extend(batch)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        enough.set()
        thread.join()


@pytest.mark.endurance
@pytest.mark.timeout(300 + 15 * RESTARTS)  # a fifth of it, where nothing else runs
@side_by_side
def test_rolling_restarts_under_load_leave_nothing_in_flight_lose_nothing_and_repeat_nothing(
    proxy: Proxy, queue: Queue, start_worker: StartWorker
) -> None:
    flags = ("--handler", "job_handlers:sleep", "--concurrency", "4", "--prefetch", "2", "--wait-seconds", "20")
    numbers = iter(range(RESTARTS + 3))

    def start() -> tuple[str, Worker]:
        name = f"worker-{next(numbers)}"
        return name, start_worker(queue, *flags, **known_as(name, proxy))

    with steady_load(queue, Random(7)) as sent:
        pool = [start() for _ in range(3)]
        for _ in range(RESTARTS):
            pool.append(start())
            for one in (0, 2):  # a worker that is not ready yet may not handle SIGTERM yet
                pool[one][1].until_ready()
            name, worker = pool.pop(0)
            worker.signal()
            assert worker.wait() == 0, worker.lines()
            left = proxy.in_flight(name)
            assert not left, f"{name} has left {len(left)} messages in flight"
    worker = pool[-1][1]
    until(lambda: set(worker.events()) >= set(sent), 60, "a message was lost")
    for _, worker in pool:
        worker.until_ready()
        worker.signal()
    assert [worker.wait() for _, worker in pool] == [0, 0, 0]
    started = Counter(worker.events("started"))
    assert set(started) == set(sent)
    assert started <= Counter(sent) + Counter(proxy.delivered_twice), "repeated"
    assert Counter(worker.events()) == started
    assert queue.depth() == (0, 0)
    summary = (type(queue.server).__name__, RESTARTS, len(sent), len(proxy.delivered_twice))
    logging.getLogger(__name__).info("%s: %d restarts, %d messages, %d delivered twice by the server", *summary)


@pytest.mark.endurance
@side_by_side
def test_while_every_third_extension_fails_no_message_is_started_twice(
    proxy: Proxy, queue: Queue, start_worker: StartWorker
) -> None:
    random, lock = Random(30), threading.Lock()

    def fails(operation: str, percent: int) -> bool:
        with lock:
            return operation == "ChangeMessageVisibilityBatch" and random.randrange(100) < percent

    proxy.fail_request = lambda operation: "InternalFailure" if fails(operation, 15) else None
    proxy.fail_entry = lambda operation: fails(operation, 18)  # of the 85 % that are left: 30 % in all
    bodies = [f"m{number} 15" for number in range(12)]
    queue.send(*bodies)
    # The half of the time after which a message is extended is what a busy machine may be late.
    flags = ("--handler", "job_handlers:sleep", "--visibility-seconds", "9", "--wait-seconds", "1")
    more = ("--concurrency", "6", "--prefetch", "6")
    workers = [start_worker(queue, *flags, *more, **known_as(name, proxy)) for name in ("one", "two")]
    workers[0].until_events(12, seconds=180)  # one of them may get most, and works on them in two turns
    wait_until_empty(queue)
    assert Counter(workers[0].events("started")) == Counter(bodies)
    assert proxy.failed > 5, "the proxy has failed nothing"


@pytest.mark.endurance
@side_by_side
def test_handlers_of_a_tenth_to_twenty_visibility_timeouts(queue: Queue, start_worker: StartWorker) -> None:
    bodies = [f"m{number} {2 * times}" for number, times in enumerate((0.1, 0.5, 0.9, 1, 1.1, 2, 5, 10, 20))]
    queue.send(*bodies)
    worker = start_worker(queue, "--handler", "job_handlers:sleep", "--visibility-seconds", "2")
    worker.until_events(9, seconds=120)
    wait_until_empty(queue)
    assert Counter(worker.events("started")) == Counter(bodies)


@side_by_side
def test_a_killed_worker_loses_nothing_and_its_messages_are_received_once_more(
    proxy: Proxy, queue: Queue, start_worker: StartWorker
) -> None:
    bodies = [f"m{number}" for number in range(5)]
    queue.send(*bodies)
    flags = ("--handler", "job_handlers:hold", "--wait-seconds", "1")
    more = ("--concurrency", "3", "--prefetch", "2", "--visibility-seconds", "5")
    first = start_worker(queue, *flags, *more, **known_as("first", proxy))
    first.until_events(3, "started")
    until(lambda: len(proxy.in_flight("first")) == 5, 60, "fewer were received than allowed")
    first.kill()
    assert len(proxy.in_flight("first")) == 5
    first.let_go()
    successor = start_worker(queue, *flags, **known_as("successor", proxy))
    successor.until_events(5)
    wait_until_empty(queue)
    assert successor.receives() == {body: ["2"] for body in bodies}


@side_by_side
def test_receive_errors_are_distinguished_waited_out_and_recovered_from(
    proxy: Proxy, queue: Queue, start_worker: StartWorker
) -> None:
    reasons = {"RequestThrottled": "Throttled", "AccessDenied": "AccessDenied", "QueueDoesNotExist": "QueueNotFound"}
    worker = start_worker(queue, "--handler", "job_handlers:record", "--wait-seconds", "1", **known_as("w", proxy))
    worker.until_ready()
    for number, (code, reason) in enumerate(reasons.items(), start=1):
        proxy.fail_request = lambda operation, code=code: code if operation == "ReceiveMessage" else None  # type: ignore[misc]  # mypy cannot express such a default
        failed, began = proxy.failed, time.monotonic()
        until(lambda failed=failed: proxy.failed >= failed + 2, 60, "the worker did not try again")  # type: ignore[misc]  # as above
        assert time.monotonic() - began > 0.25, "it waits between the tries"
        assert worker.get("/readyz")[0] == 200, "a fault of SQS does not make the worker unready"
        proxy.fail_request = lambda _: None
        queue.send(f"m{number}")
        worker.until_events(number)
        assert worker.lines("receive failed")[-1]["reason"] == reason
        assert (
            f'queueworker_receive_errors_total{{queue="{queue.name}",reason="{reason}"}} 0.0'
            not in worker.get("/metrics")[1]
        )


@side_by_side
def test_of_a_batch_of_deletes_the_failed_ones_are_tried_again(
    proxy: Proxy, queue: Queue, start_worker: StartWorker
) -> None:
    failures = iter([False, True, True, False, True])
    proxy.fail_entry = lambda operation: operation == "DeleteMessageBatch" and next(failures, False)
    queue.send(*(f"m{number}" for number in range(10)))
    worker = start_worker(queue, "--handler", "job_handlers:record", **known_as("w", proxy))
    until(lambda: queue.depth() == (0, 0), 60, "a message was not deleted")
    assert len(worker.events()) == 10
    lines = worker.lines("request to SQS failed for a message")
    assert [(line["action"], line["reason"], line["next"]) for line in lines] == [
        ("delete", "InternalError", "retry")
    ] * 3
    until(lambda: worker.metric("messages_deleted_total", queue) == 10, 60, "not every delete was counted")
