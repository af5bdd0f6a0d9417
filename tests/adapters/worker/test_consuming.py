"""What happens to messages while a worker runs."""

import json
import sys

import pytest

from devcluster.sqs import SqsServer
from tests.adapters.worker.conftest import Queue, StartWorker, side_by_side, until


@pytest.mark.parametrize("handler", ["record", "record_async"])
@side_by_side
def test_two_hundred_messages_are_each_handled_exactly_once(
    queue: Queue, start_worker: StartWorker, handler: str
) -> None:
    bodies = [f"m{i}" for i in range(200)]
    queue.send(*bodies)
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}")
    worker.until_events(200)
    worker.signal()
    assert worker.wait() == 0
    assert sorted(worker.events()) == sorted(bodies)
    assert queue.depth() == (0, 0)


@side_by_side
def test_a_message_stays_hidden_for_longer_than_its_visibility_timeout(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("long 10")
    flags = ("--handler", "job_handlers:sleep_async", "--visibility-seconds", "4", "--wait-seconds", "1")
    first, second = start_worker(queue, *flags), start_worker(queue, *flags)
    first.until_events(1)
    assert first.events("started") == ["long 10"]
    until(lambda: queue.depth() == (0, 0), 60, "the message was not deleted")
    extended = [worker.metric("messages_extended_total", queue) for worker in (first, second)]
    assert extended.count(0) == 1, "exactly one of the two workers extended it"


@side_by_side
def test_no_more_is_received_than_can_be_started(queue: Queue, start_worker: StartWorker) -> None:
    queue.send(*(f"m{i} 60" for i in range(8)))
    worker = start_worker(queue, "--handler", "job_handlers:sleep", "--concurrency", "3")
    worker.until_events(3, "started")
    assert worker.state()["busy"] == 3
    assert queue.depth() == (5, 3)


@pytest.mark.parametrize("handler", ["fail", "leave"])
@side_by_side
def test_a_message_that_always_fails_ends_in_the_dead_letter_queue(
    server: SqsServer, start_worker: StartWorker, handler: str
) -> None:
    dead = Queue(server)
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": "3"}
    queue = Queue(server, RedrivePolicy=json.dumps(policy))
    queue.send("poison")
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}", "--retry-seconds", "0", "--wait-seconds", "1")
    until(lambda: dead.depth() == (1, 0), 60, "the message did not reach the dead-letter queue")
    assert worker.events("started") == ["poison"] * 3
    lines = worker.lines("handler failed")
    assert [line["receive_count"] for line in lines] == [1, 2, 3]
    assert all(line["message_id"] and line["level"] == "ERROR" for line in lines)
    assert worker.state()["failed"] == 3


def test_a_failed_message_is_visible_again_only_after_its_backoff(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("poison")
    worker = start_worker(moto_queue, "--handler", "job_handlers:fail", "--retry-seconds", "600")
    until(lambda: bool(worker.lines("handler failed")), 60, "the message was not handled")
    until(lambda: worker.metric("messages_released_total", moto_queue) == 1, 60, "its visibility was not changed")
    assert moto_queue.depth() == (0, 1)


@side_by_side
def test_a_handler_may_request_its_message_again(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("twice")
    worker = start_worker(queue, "--handler", "job_handlers:once_more", "--wait-seconds", "1")
    worker.until_events(1)
    until(lambda: queue.depth() == (0, 0), 60, "the message was not deleted")


@side_by_side
def test_a_group_keeps_its_order_and_a_failure_stops_its_own_group_only(
    server: SqsServer, start_worker: StartWorker
) -> None:
    queue = Queue(
        server,
        f"jobs-{server.endpoint[-5:]}-{id(start_worker)}.fifo",
        FifoQueue="true",
        ContentBasedDeduplication="true",
    )
    for number in range(4):
        for group in "abc":
            queue.send(f"{group}{number}", MessageGroupId=group)
    worker = start_worker(
        queue, "--handler", "job_handlers:fail_first_of_a", "--retry-seconds", "0", "--wait-seconds", "1"
    )
    worker.until_events(12)
    for group in "abc":
        assert [body for body in worker.events() if body[0] == group] == [f"{group}{number}" for number in range(4)]
    started = worker.events("started")
    assert started.count("a0") == 2
    assert len(started) == 13, "nothing behind the failed message was started"


@side_by_side
def test_attributes_of_every_type_reach_a_command(queue: Queue, start_worker: StartWorker) -> None:
    queue.send(
        "päckchen\n",
        MessageAttributes={
            "color": {"DataType": "String", "StringValue": "grün"},
            "size": {"DataType": "Number", "StringValue": "42"},
            "raw.data": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        },
    )
    script = (
        "import os, sys; values = [os.environ['SQS_ATTRIBUTE_' + name] for name in ('COLOR', 'SIZE', 'RAW_DATA')];"
        "open(os.environ['JOURNAL'], 'a', encoding='utf-8').write("
        "'handled ' + ' '.join([sys.stdin.buffer.read().decode().strip(), *values]) + ' 1\\n')"
    )
    worker = start_worker(queue, "--exec", f'{sys.executable} -c "{script}"')
    worker.until_events(1)
    assert worker.events() == ["päckchen grün 42 AAE="]
    until(lambda: queue.depth() == (0, 0), 60, "the message was not deleted")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(7)", "the command ended with exit code 7"),
        ("import os; os.kill(os.getpid(), 9)", "the command was ended by SIGKILL"),
    ],
)
def test_a_failed_command_releases_its_message(
    moto_queue: Queue, start_worker: StartWorker, code: str, expected: str
) -> None:
    moto_queue.send("job")
    worker = start_worker(moto_queue, "--exec", f"{sys.executable} -c '{code}'")
    until(lambda: bool(worker.lines("handler failed")), 60, "the command did not fail")
    assert expected in worker.lines("handler failed")[0]["error"]
    assert worker.state()["failed"] == 1
    assert sum(moto_queue.depth()) == 1
