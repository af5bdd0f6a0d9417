"""What `queueworker redrive` does with real queues, through faults, signals and its own death."""

import itertools
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from devcluster.sqs import ElasticMq, SqsServer
from tests.adapters.worker.commands import dead_letters, environment, finished, finished_into, source_of, start
from tests.adapters.worker.conftest import Queue, side_by_side, until
from tests.adapters.worker.proxy import Proxy
from tests.outputs import Output, closed, full
from tests.permissions import action, allowed


def take(queue: Queue) -> list[dict[str, Any]]:
    """Receive and delete everything."""
    taken: list[dict[str, Any]] = []
    while found := queue.client.receive_message(
        QueueUrl=queue.url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages"):
        taken += found  # type: ignore[arg-type]  # dictionaries
        entries: Any = [{"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(found)]
        queue.client.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    return taken


def bodies(queue: Queue) -> list[str]:
    return [each["Body"] for each in take(queue)]


@side_by_side
def test_thousands_go_back_through_faults_and_none_is_lost(server: SqsServer, proxy: Proxy) -> None:
    dead, jobs = dead_letters(server)
    sent = [f"message {index}" for index in range(1000)]
    dead.send(*sent)
    turns = itertools.count()
    codes = itertools.cycle(("RequestThrottled", "InternalFailure"))
    proxy.fail_request = lambda _: next(codes) if next(turns) % 29 == 28 else None
    entries = itertools.count()
    proxy.fail_entry = lambda operation: operation == "SendMessageBatch" and next(entries) % 50 == 49
    done = finished(dead.server, "redrive", "--from", dead.url, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
    assert done.stdout.startswith("1,000 messages moved in "), done.stderr
    assert done.returncode == 0
    assert proxy.failed > 20
    assert dead.depth() == (0, 0)
    assert sorted(bodies(jobs)) == sorted(sent)


@side_by_side
def test_a_kill_in_the_middle_loses_nothing(server: SqsServer) -> None:
    dead, jobs = dead_letters(server)
    sent = {f"message {index}" for index in range(500)}
    dead.send(*sent)
    with start(server, "redrive", "--from", dead.url, "--rate", "100") as running:  # it must not be done before
        until(lambda: jobs.depth()[0] >= 100, 60, "nothing is moved")
        running.kill()
    moved, left = bodies(jobs), sum(dead.depth())
    assert 100 <= len(moved) < 500
    assert len(moved) == len(set(moved))
    assert left >= 500 - len(moved), "what was not sent is still there"
    assert left - (500 - len(moved)) <= 60, "what was sent and not yet deleted"


@side_by_side
def test_on_a_signal_all_in_hand_is_settled(server: SqsServer) -> None:
    dead, jobs = dead_letters(server)
    dead.send(*(f"message {index}" for index in range(100)))
    with start(server, "redrive", "--from", dead.url, "--rate", "5") as running:
        until(lambda: jobs.depth()[0] >= 5, 60, "nothing is moved")
        running.send_signal(signal.SIGINT)
        out, errors = running.communicate(timeout=60)
    moved = len(bodies(jobs))
    assert f"{moved} messages moved in" in out, errors
    assert "ended by a signal before all messages were looked at: run it again for the rest" in out
    assert running.returncode == 1
    assert dead.depth() == (100 - moved, 0)


def test_on_a_terminal_it_shows_how_far_it_is(moto_queue: Queue) -> None:
    dead, _ = dead_letters(moto_queue.server)
    dead.send(*(f"message {index}" for index in range(40)))
    terminal, end = pty.openpty()
    argv = [sys.executable, "-m", "queueworker", "redrive", "--from", dead.url, "--rate", "10"]
    with subprocess.Popen(argv, env=environment(moto_queue.server), stdout=subprocess.PIPE, stderr=end) as running:
        os.close(end)
        shown = b"".join(iter(lambda: _read(terminal), b"")).decode()
        out, _ = running.communicate()
    os.close(terminal)
    assert re.search(r"moved \d\d, looked at \d\d of about 40; \d+/s, \d s left", shown)
    assert shown.endswith("\r\x1b[K"), "nothing of it stays"
    assert out.startswith(b"40 messages moved in ")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux's way to say that the other end is closed
        return b""


@side_by_side
def test_a_copy_is_as_the_sender_wrote_it(server: SqsServer) -> None:
    dead, jobs = dead_letters(server)
    written: Any = {
        "tenant": {"DataType": "String.name", "StringValue": "acmé"},
        "n": {"DataType": "Number.int", "StringValue": "5"},
        "b": {"DataType": "Binary", "BinaryValue": b"\0\1"},
    }
    reason: Any = {"queueworker.reason": {"DataType": "String", "StringValue": "no such order"}}
    # moto drops it from a batch.
    trace: Any = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    dead.send('{"order": 17}', MessageAttributes=written | reason, MessageSystemAttributes=trace)
    assert finished(server, "redrive", "--from", dead.url, "--filter", "reason~no such").returncode == 0
    [copy] = take(jobs)
    assert copy["Body"] == '{"order": 17}'
    assert copy["MessageAttributes"] == written
    if isinstance(server, ElasticMq):
        assert copy["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]


def test_a_fifo_queue_gets_them_in_order_although_their_deduplication_ids_were_just_used(elasticmq: SqsServer) -> None:
    """moto moves them to the dead-letter queue in another order."""
    server = elasticmq
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "false"}
    dead, jobs = dead_letters(server, suffix=".fifo", receives=1, **fifo)
    for index in range(12):
        jobs.send(f"{index:02}", MessageGroupId=f"g{index % 2}", MessageDeduplicationId=f"d{index}")
    until(lambda: _receive_in_vain(jobs) and dead.depth()[0] == 12, 60, "SQS does not move them")
    done = finished(server, "redrive", "--from", dead.url)
    assert (done.returncode, done.stdout[:17]) == (0, "12 messages moved"), done.stdout + done.stderr
    taken = take(jobs)
    for group in ("g0", "g1"):
        found = [each["Body"] for each in taken if each["Attributes"]["MessageGroupId"] == group]
        assert found == [f"{index:02}" for index in range(12) if f"g{index % 2}" == group]


def _receive_in_vain(queue: Queue) -> bool:
    queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return True


def test_what_a_fifo_queue_does_not_show_behind_what_is_left_is_told(elasticmq: SqsServer) -> None:
    dead, jobs = dead_letters(elasticmq, suffix=".fifo", FifoQueue="true", ContentBasedDeduplication="false")
    for index in range(15):
        dead.send(f"{index:02}", MessageGroupId="g", MessageDeduplicationId=f"d{index}")
    done = finished(elasticmq, "redrive", "--from", dead.url, "--filter", "body~0[1-9]|1")
    assert re.search(
        r"^9 messages moved in .*^1 message left: do not match.*^5 messages left: were not shown",
        done.stdout,
        re.DOTALL | re.MULTILINE,
    )
    assert (done.returncode, dead.depth(), jobs.depth()) == (1, (6, 0), (9, 0))


@side_by_side
def test_what_fails_again_at_once_does_not_go_round_in_circles(server: SqsServer) -> None:
    dead, jobs = dead_letters(server, receives=1)
    dead.send(*(f"message {index}" for index in range(40)))
    with start(server, "redrive", "--from", dead.url, "--rate", "20") as running:
        while running.poll() is None:
            _receive_in_vain(jobs)
        out, errors = running.communicate()
    moved = re.match(r"(\d+) messages moved", out)
    assert moved, out + errors
    assert 40 <= int(moved[1]) <= 85, "those of the first two seconds may be moved once more"
    assert running.returncode == 0


def test_each_goes_back_to_the_queue_that_sqs_moved_it_from(elasticmq: SqsServer) -> None:
    """moto does not record it."""
    dead, jobs = dead_letters(elasticmq, receives=1)
    mails = source_of(dead, receives=1)
    jobs.send("job")
    mails.send("mail")
    dead.send("rejected by a worker")
    until(lambda: _receive_in_vain(jobs) and _receive_in_vain(mails) and dead.depth()[0] == 3, 60, "they are not moved")
    done = finished(elasticmq, "redrive", "--from", dead.url)
    assert (bodies(jobs), bodies(mails), bodies(dead)) == (["job"], ["mail"], ["rejected by a worker"])
    assert "1 message left: do not say which of 2 queues they came from: give --to one of" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("AccessDenied", "and sqs:SendMessage where messages go", id="denied: the rights"),
        pytest.param("QueueDoesNotExist", "check account, name and region", id="a queue that is not there"),
    ],
)
def test_a_failure_says_what_to_do_and_releases_everything(moto_queue: Queue, code: str, expected: str) -> None:
    dead, jobs = dead_letters(moto_queue.server)
    dead.send("a", "b")
    with Proxy(moto_queue.server).serving() as proxy:
        proxy.fail_request = lambda operation: code if operation == "SendMessageBatch" else None
        done = finished(moto_queue.server, "redrive", "--from", dead.url, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
    assert (done.returncode, dead.depth(), jobs.depth()) == (1, (2, 0), (0, 0))
    assert "0 messages moved" in done.stdout
    assert expected in done.stderr


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param((), "Missing option '--from'", id="no queue"),
        pytest.param(("--from", "dead"), "'dead' is not a queue URL", id="no URL"),
        pytest.param(("--from", "DEAD", "--filter", "x"), "--filter 'x' is none: write body~REGEX", id="no filter"),
        pytest.param(("--from", "JOBS"), "no queue names this one as its dead-letter queue", id="no source"),
        pytest.param(("--from", "DEAD", "--to", "DEAD"), "round in circles", id="to itself"),
        pytest.param(("--from", "DEAD", "--rate", "0"), "0.0 is not in the range x>0", id="no rate"),
    ],
)
def test_wrong_usage_is_refused(moto_queue: Queue, flags: Sequence[str], expected: str) -> None:
    dead, jobs = dead_letters(moto_queue.server)
    urls = {"DEAD": dead.url, "JOBS": jobs.url}
    done = finished(moto_queue.server, "redrive", *(urls.get(flag, flag) for flag in flags))
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.split())


def test_the_policy_of_the_page_allows_what_it_requests_and_no_more(moto_queue: Queue) -> None:
    dead, _ = dead_letters(moto_queue.server)
    dead.send("a", "b")
    with Proxy(moto_queue.server).serving() as proxy:
        flags = ("--from", dead.url, "--filter", "body~a")
        done = finished(moto_queue.server, "redrive", *flags, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
        looked = finished(moto_queue.server, "peek", "--queue", dead.url, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
    assert (done.returncode, looked.returncode) == (0, 0)
    assert {action(operation) for _, operation in proxy.requests} == allowed("redrive and peek")


UNWRITABLE = {
    "a full disk": (full, 74, "Error: what is printed cannot be written: No space left on device\n"),
    "a pipe whose reader has ended": (closed, 141, ""),
}


@pytest.mark.parametrize(("output", "code", "said"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_all_in_hand_is_settled_where_the_summary_cannot_be_written(
    output: Output, code: int, said: str, moto_queue: Queue
) -> None:
    dead, jobs = dead_letters(moto_queue.server)
    dead.send(*(f"message {index}" for index in range(25)))
    only = ("redrive", "--from", dead.url, "--filter", "body~ 2.$")
    with output() as stream:
        assert finished_into(stream, dead.server, *only, "--dry-run") == (code, said)
    assert (dead.depth(), jobs.depth()) == ((25, 0), (0, 0))
    with output() as stream:
        assert finished_into(stream, dead.server, *only) == (code, said)
    assert (dead.depth(), jobs.depth()) == ((20, 0), (5, 0))


def test_what_ended_it_is_said_where_the_summary_cannot_be_written(moto_queue: Queue) -> None:
    gone = moto_queue.url.rpartition("/")[0] + "/gone"
    moto_queue.send("message")
    with full() as stream:
        code, said = finished_into(stream, moto_queue.server, "redrive", "--from", moto_queue.url, "--to", gone)
    assert code == 74
    assert said.startswith("Error: there is no such queue")
    assert said.endswith("Error: what is printed cannot be written: No space left on device\n")
