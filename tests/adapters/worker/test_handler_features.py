"""What handlers can use: rejection, extension, the deadline, the trace; and how large and failing messages fare."""

import hashlib
import itertools
import json
import shlex
import signal

import pytest

from devcluster.sqs import SqsServer
from queueworker import Message
from queueworker.sqs import SqsDeadLetterQueue, WorkerCredentials
from tests.adapters.worker.conftest import Queue, StartWorker, side_by_side, until

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


@pytest.mark.parametrize("flags", [("reject",), ("reject_async",), ("reject", "--isolate")])
@side_by_side
def test_a_rejected_message_goes_to_the_dead_letter_queue_at_once_and_as_it_was(
    server: SqsServer, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue, dead = Queue(server), Queue(server)
    attributes = {
        "size": {"DataType": "Number", "StringValue": "42"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    queue.send("päckchen", MessageAttributes=attributes)
    handler, *more = flags
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}", "--dead-letter-queue", dead.url, *more)
    until(lambda: queue.depth() == (0, 0) and dead.depth() == (1, 0), 60, "the message was not moved")
    (found,) = dead.client.receive_message(QueueUrl=dead.url, MessageAttributeNames=["All"])["Messages"]
    attributes_found = {
        name: (value["DataType"], value.get("StringValue")) for name, value in found["MessageAttributes"].items()
    }
    assert found["Body"] == "päckchen"
    assert attributes_found == {
        "size": ("Number", "42"),
        "raw": ("Binary", None),
        "queueworker.reason": ("String", "no such customer"),
    }
    assert worker.events("started") == ["päckchen"]
    (line,) = worker.lines("handler rejected the message")
    assert (line["error"], line["level"]) == ("no such customer", "ERROR")


@pytest.mark.parametrize("flags", [(), ("--isolate",)], ids=["threads", "isolated"])
@side_by_side
def test_a_coroutine_of_a_plain_function_is_awaited(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("a", "b")
    worker = start_worker(queue, "--handler", "job_handlers:record_behind_a_decorator", *flags)
    worker.until_events(2)
    until(lambda: queue.depth() == (0, 0), 60, "the messages were not deleted")
    assert sorted(worker.events()) == ["a", "b"]


@pytest.mark.parametrize("flags", [(), ("--isolate",)], ids=["threads", "isolated"])
@pytest.mark.parametrize(
    ("handler", "error"),
    [
        ("generate_behind_a_decorator", "the handler returned a generator, of which nothing has run"),
        ("return_a_value", "the handler returned an object of type bool"),
    ],
)
@side_by_side
def test_what_a_handler_has_not_done_is_not_deleted(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...], handler: str, error: str
) -> None:
    queue.send("a")
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}", "--retry-seconds", "600", *flags)
    until(lambda: bool(worker.lines("handler failed")), 60, "the worker reports no failure")
    assert error in worker.lines("handler failed")[0]["error"]
    worker.signal()
    assert worker.wait() == 0
    assert worker.events() == []
    assert sum(queue.depth()) == 1


def test_a_generator_function_is_refused_at_the_start(moto_queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:never")
    assert worker.wait() == 2
    assert "it returns a generator, of which nothing has run" in worker.log.read_text()


@side_by_side
def test_without_a_dead_letter_queue_of_ours_the_redrive_policy_decides(
    server: SqsServer, start_worker: StartWorker
) -> None:
    dead = Queue(server)
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": "2"}
    queue = Queue(server, RedrivePolicy=json.dumps(policy))
    queue.send("job")
    worker = start_worker(queue, "--handler", "job_handlers:reject", "--retry-seconds", "0", "--wait-seconds", "1")
    until(lambda: dead.depth() == (1, 0), 60, "the message did not reach the dead-letter queue")
    assert worker.events("started") == ["job"] * 2


def test_a_missing_dead_letter_queue_costs_no_message(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("job")
    flags = ("--dead-letter-queue", moto_queue.url + "-nope", "--retry-seconds", "600")
    worker = start_worker(moto_queue, "--handler", "job_handlers:reject", *flags)
    until(lambda: bool(worker.lines("sending to the dead-letter queue failed")), 60, "the failure was not logged")
    assert worker.lines("sending to the dead-letter queue failed")[0]["reason"] == "QueueNotFound"
    until(lambda: worker.metric("messages_released_total", moto_queue) == 1, 60, "the message was not released")
    assert moto_queue.depth() == (0, 1)


@side_by_side
def test_an_extension_by_the_handler_holds_even_if_the_worker_dies(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("long")
    worker = start_worker(queue, "--handler", "job_handlers:extend_and_die", "--visibility-seconds", "1")
    assert worker.wait() == -signal.SIGKILL
    assert worker.events() == ["long"], "SQS confirmed it before the handler went on"
    successor = start_worker(queue, "--handler", "job_handlers:record", "--wait-seconds", "2", "--log-level", "debug")
    until(lambda: len(successor.lines("polling")) >= 4, 60, "the successor did not poll")
    assert successor.events() == ["long"]
    assert queue.depth() == (0, 1)


@pytest.mark.parametrize("more", [(), ("--isolate",)])
def test_a_handler_sees_its_deadline_and_a_nearer_one_when_the_worker_drains(
    moto_queue: Queue, start_worker: StartWorker, more: tuple[str, ...]
) -> None:
    moto_queue.send("job")
    worker = start_worker(moto_queue, "--handler", "job_handlers:record_deadlines", "--grace-seconds", "30", *more)
    worker.until_events(1, "started")
    worker.signal()
    assert worker.wait() == 0
    first, last = map(int, worker.events()[0].split())
    assert first == pytest.approx(12 * 60 * 60, abs=30)
    assert 20 <= last <= 30


@pytest.mark.parametrize("more", [(), ("--isolate",)])
@side_by_side
def test_the_trace_context_reaches_the_handler_and_the_log(
    queue: Queue, start_worker: StartWorker, more: tuple[str, ...]
) -> None:
    queue.client.send_message(  # moto drops the header of a batch's entries
        QueueUrl=queue.url,
        MessageBody="job",
        MessageAttributes={"traceparent": {"DataType": "String", "StringValue": TRACEPARENT}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE_HEADER}},
    )
    worker = start_worker(queue, "--handler", "job_handlers:record_trace", *more)
    worker.until_events(1)
    assert json.loads(worker.events()[0]) == {"traceparent": TRACEPARENT, "X-Amzn-Trace-Id": TRACE_HEADER}
    until(lambda: bool(worker.lines("handler failed")), 60, "the failure was not logged")
    (line,) = worker.lines("handler failed")
    assert line["traceparent"] == TRACEPARENT
    assert "RuntimeError: for the log" in line["traceback"]
    assert line["message_id"]


@pytest.mark.parametrize("more", [(), ("--isolate",)])
@side_by_side
def test_large_payloads_arrive_whole(queue: Queue, start_worker: StartWorker, more: tuple[str, ...]) -> None:
    bodies = [f"{number}é" * 60_000 for number in range(5)]
    for body in bodies:
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body)
    worker = start_worker(queue, "--handler", "job_handlers:digest", *more)
    worker.until_events(5)
    assert sorted(worker.events()) == sorted(hashlib.sha256(body.encode()).hexdigest() for body in bodies)
    until(lambda: queue.depth() == (0, 0), 60, "a message was not deleted")


LARGEST = 1024 * 1024
"""SQS's limit for a message, in bytes."""

LARGEST_BODIES = {
    "plain": "x" * LARGEST,
    "long in UTF-8": "é" * (LARGEST // 2),
    "longer in JSON": '"\n' * (LARGEST // 2),
    "longest in JSON": "\U0001f4e6" * (LARGEST // 4),
}
HANDLERS = {
    "a command": ("--exec", "sh -c 'echo handled $(sha256sum) >>$JOURNAL'"),
    "a thread": ("--handler", "job_handlers:digest"),
    "a coroutine": ("--handler", "job_handlers:digest_async"),
    "isolated": ("--handler", "job_handlers:digest", "--isolate"),
}


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_the_largest_bodies_arrive_whole(
    moto_queue: Queue, start_worker: StartWorker, handler: tuple[str, ...]
) -> None:
    """On moto alone: ElasticMQ has the limit of before 2025."""
    for body in LARGEST_BODIES.values():
        assert len(body.encode()) == LARGEST
        moto_queue.client.send_message(QueueUrl=moto_queue.url, MessageBody=body)
    worker = start_worker(moto_queue, *handler, "--concurrency", "4")
    worker.until_events(len(LARGEST_BODIES))
    digests = [hashlib.sha256(body.encode()).hexdigest() for body in LARGEST_BODIES.values()]
    assert sorted(worker.events()) == sorted(digests)
    until(lambda: moto_queue.depth() == (0, 0), 60, "a message was not deleted")


def test_a_command_may_leave_a_large_body_unread(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.client.send_message(QueueUrl=moto_queue.url, MessageBody="x" * LARGEST)
    worker = start_worker(moto_queue, "--exec", "true")
    until(lambda: worker.state()["processed"] == 1, 60, "the command did not succeed")


@side_by_side
def test_failures_wait_longer_and_longer_with_jitter(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("poison")
    flags = ("--retry-seconds", "1", "--visibility-seconds", "60", "--wait-seconds", "1")
    worker = start_worker(queue, "--handler", "job_handlers:fail_at_times", *flags)
    worker.until_events(3, "started")
    times = [float(line.split()[1]) for line in worker.journal.read_text().splitlines() if line.startswith("at ")]
    first, second = (later - earlier for earlier, later in itertools.pairwise(times))
    # From above they are bounded by what a message waits that is not released: the visibility timeout of a minute.
    assert 0.5 <= first < 30
    assert 1 <= second < 30
    assert [line["receive_count"] for line in worker.lines("handler failed")][:2] == [1, 2]


@side_by_side
def test_messages_received_ahead_are_released_at_once_when_the_worker_drains(
    queue: Queue, start_worker: StartWorker
) -> None:
    queue.send(*(f"m{i} 60" for i in range(8)))
    flags = ("--concurrency", "2", "--prefetch", "2", "--grace-seconds", "600")
    worker = start_worker(queue, "--handler", "job_handlers:sleep", *flags)
    until(lambda: queue.depth() == (4, 4), 60, "fewer were received than allowed")
    until(lambda: worker.state()["busy"] == 2, 60, "the concurrency is not used")
    worker.signal()
    until(lambda: queue.depth() == (6, 2), 60, "what was not started was not released while the others run")
    worker.signal()
    assert worker.wait() == 0
    assert queue.depth() == (8, 0)
    assert len(worker.events("started")) == 2


@side_by_side
def test_coroutines_keep_to_the_concurrency_when_messages_are_received_ahead(
    queue: Queue, start_worker: StartWorker
) -> None:
    queue.send(*(f"m{i} 0.5" for i in range(12)))
    flags = ("--concurrency", "3", "--prefetch", "3")
    worker = start_worker(queue, "--handler", "job_handlers:sleep_async", *flags)
    worker.until_events(12)
    steps = {"started": 1, "handled": -1}
    kinds = [line.partition(" ")[0] for line in worker.journal.read_text().splitlines()]
    assert max(itertools.accumulate(steps[kind] for kind in kinds)) == 3
    assert kinds.count("started") == 12


def test_a_group_in_a_standard_queue_orders_nothing_and_is_kept(moto_queue: Queue, start_worker: StartWorker) -> None:
    dead = Queue(moto_queue.server)
    moto_queue.send("a 60", "b 60", "c 60", "d 60", MessageGroupId="tenant")
    worker = start_worker(moto_queue, "--handler", "job_handlers:sleep", "--concurrency", "4")
    worker.until_events(4, "started")
    assert worker.events() == [], "they are handled one after the other"
    assert worker.metric("groups", moto_queue) == 1
    worker.kill()
    moto_queue.send("e", MessageGroupId="tenant")
    start_worker(moto_queue, "--handler", "job_handlers:reject", "--dead-letter-queue", dead.url)
    until(lambda: dead.depth() == (1, 0), 60, "the message was not moved")
    (found,) = dead.client.receive_message(QueueUrl=dead.url, MessageSystemAttributeNames=["All"])["Messages"]
    assert found["Attributes"]["MessageGroupId"] == "tenant"


def test_a_group_that_a_server_does_not_take_costs_no_message(
    server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    dead = Queue(server)
    ours = SqsDeadLetterQueue(dead.url, WorkerCredentials())
    for body in ("a", "b"):
        ours.send(Message(body, body, "handle", group="tenant"), "no such customer")
    assert dead.depth() == (2, 0)


FORMER_LARGEST = 256 * 1024
"""SQS's limit before 2025, and that of servers that are compatible with it as it was then."""

REASONS_THAT_FIT = {0: None, 24: None, 25: "n", 27: "nö", 10_000: "nö such customer"}
"""How much of the reason arrives, by how many bytes the message leaves of the limit."""


def test_a_rejected_message_that_leaves_little_room_arrives_with_as_much_of_the_reason_as_fits(
    server: SqsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    dead, arrived = Queue(server), dict[int, str | None]()
    ours = SqsDeadLetterQueue(dead.url, WorkerCredentials())
    for left in REASONS_THAT_FIT:
        body = "x" * (FORMER_LARGEST - left - len("sizeNumber42"))
        message = Message("id", body, "handle", attributes={"size": "42"}, attribute_types={"size": "Number"})
        ours.send(message, "nö such customer")
        answer = dead.client.receive_message(QueueUrl=dead.url, MessageAttributeNames=["All"])
        attributes = answer["Messages"][0]["MessageAttributes"]
        arrived[left] = attributes["queueworker.reason"]["StringValue"] if "queueworker.reason" in attributes else None
    assert arrived == REASONS_THAT_FIT


@side_by_side
def test_a_command_that_never_reads_and_leaves_a_process_blocks_nothing(
    queue: Queue, start_worker: StartWorker
) -> None:
    queue.send("x" * 200_000)
    worker = start_worker(queue, "--exec", "sh -c 'exec 3<&0; sleep 120 & exit 0'", "--concurrency", "1")
    until(lambda: queue.depth() == (0, 0), 60, "the message was not deleted")
    assert worker.lines("handler failed") == []


@side_by_side
def test_an_attribute_that_is_too_long_for_a_variable_is_left_out(queue: Queue, start_worker: StartWorker) -> None:
    attributes = {
        "long": {"DataType": "String", "StringValue": "x" * 140_000},
        "short": {"DataType": "String", "StringValue": "y"},
    }
    queue.send("a", MessageAttributes=attributes)
    check = 'test "$SQS_LEFT_OUT" = SQS_ATTRIBUTE_LONG -a "$SQS_ATTRIBUTE_SHORT" = y -a -z "$SQS_ATTRIBUTE_LONG"'
    worker = start_worker(queue, "--exec", f"sh -c {shlex.quote(check)}")
    until(lambda: queue.depth() == (0, 0), 60, "the message was not deleted")
    assert worker.lines("variables left out")[0]["variables"] == ["SQS_ATTRIBUTE_LONG"]
