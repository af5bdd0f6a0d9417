"""What `queueworker peek` shows of real queues, and how it leaves them."""

import json
from typing import Any

import pytest

from devcluster.sqs import SqsServer
from tests.adapters.worker.commands import dead_letters, finished, finished_into
from tests.adapters.worker.conftest import Queue, side_by_side
from tests.outputs import Output, closed, full


@side_by_side
def test_a_look_leaves_the_messages_where_they_are_and_costs_each_one_receive(queue: Queue) -> None:
    attributes: Any = {"tenant": {"DataType": "String", "StringValue": "acme"}}
    queue.send(*(f"message {index}" for index in range(25)), MessageAttributes=attributes)
    for look in (1, 2):
        done = finished(queue.server, "peek", "--queue", queue.url, "--max", "25", "-o", "json")
        shown = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(each["body"] for each in shown) == sorted(f"message {index}" for index in range(25))
        assert {each["receiveCount"] for each in shown} == {look}
        assert {each["attributes"]["tenant"]["value"] for each in shown} == {"acme"}
        assert "25 messages shown of 25 received; about 0 more visible, 0 in flight, 0 delayed" in done.stderr
        assert "raised the receive count of each received message by one" in done.stderr
        assert (done.returncode, queue.depth()) == (0, (25, 0))


@side_by_side
def test_no_more_is_received_than_is_shown(queue: Queue) -> None:
    queue.send(*(f"message {index}" for index in range(25)))
    queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=2)
    queue.client.send_message(QueueUrl=queue.url, MessageBody="later", DelaySeconds=600)
    done = finished(queue.server, "peek", "--queue", queue.url, "--max", "13")
    assert done.stdout.count("    message ") == 13
    assert "13 messages shown of 13 received; about 10 more visible, 2 in flight, 1 delayed" in done.stderr
    assert queue.depth() == (23, 2)


@side_by_side
def test_a_filter_looks_at_all_and_shows_what_fits(queue: Queue) -> None:
    queue.send(*(f"message {index}" for index in range(25)))
    done = finished(queue.server, "peek", "--queue", queue.url, "--filter", "body~ 2.$")
    assert done.stdout.count("    message 2") == 5
    assert "5 messages shown of 25 received" in done.stderr
    assert queue.depth() == (25, 0)


@side_by_side
def test_a_message_that_may_be_received_once_is_not_looked_at_unless_forced(server: SqsServer) -> None:
    dead, jobs = dead_letters(server, receives=1)
    jobs.send("a")
    refused = finished(server, "peek", "--queue", jobs.url)
    assert refused.returncode == 2
    assert "lets a message be received once (maxReceiveCount 1)" in " ".join(refused.stderr.split())
    forced = finished(server, "peek", "--queue", jobs.url, "--force", "--max", "1")
    assert "1 message received 1 times or more: the next receive moves them to the dead-letter queue" in forced.stderr
    assert (forced.returncode, jobs.depth(), dead.depth()) == (0, (1, 0), (0, 0))


@side_by_side
def test_a_look_at_a_fifo_queue_says_that_its_groups_waited(server: SqsServer) -> None:
    jobs = Queue(server, f"{Queue(server).url.rpartition('/')[2]}.fifo", FifoQueue="true")
    jobs.send("a", MessageGroupId="g", MessageDeduplicationId="1")
    done = finished(server, "peek", "--queue", jobs.url, "--max", "1")
    assert "group g" in done.stdout
    assert "the groups of these messages waited meanwhile" in done.stderr
    assert jobs.depth() == (1, 0)


def test_a_queue_that_is_not_there_is_told(moto_queue: Queue) -> None:
    done = finished(moto_queue.server, "peek", "--queue", moto_queue.url + "-not")
    assert done.returncode == 1
    assert "Error: there is no such queue" in done.stderr
    assert "check account, name and region in the queue's URL" in done.stderr


UNWRITABLE = {"a full disk": (full, 74), "a pipe whose reader has ended": (closed, 141)}


@pytest.mark.parametrize(("output", "code"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_look_that_cannot_be_printed_leaves_all_visible_and_says_what_it_has_cost(
    output: Output, code: int, moto_queue: Queue
) -> None:
    moto_queue.send(*(f"message {index}" for index in range(25)))
    with output() as stream:
        ended, said = finished_into(stream, moto_queue.server, "peek", "--queue", moto_queue.url, "--max", "25")
    assert (ended, moto_queue.depth()) == (code, (25, 0))
    assert "10 received; about 15 more visible" in said
    assert "raised the receive count of each received message by one" in said
