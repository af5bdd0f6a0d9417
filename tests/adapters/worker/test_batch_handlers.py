"""Handlers that take several messages at once, in real workers."""

import pytest

from devcluster.sqs import SqsServer
from tests.adapters.worker.conftest import Queue, StartWorker, Worker, side_by_side, until

BODIES = [f"m{number}" for number in range(30)]
WAYS = {"threads": ("",), "coroutines": ("_async",), "isolated": ("_async", "--isolate")}
"""How batches are handled: the end of the handler's name, and flags."""
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def sizes(worker: Worker) -> list[int]:
    """The sizes of the batches so far."""
    return [len(batch.split()) for batch in worker.events("batch")]


@ways
@side_by_side
def test_messages_are_handled_in_batches_once_each(
    queue: Queue, start_worker: StartWorker, way: tuple[str, ...]
) -> None:
    queue.send(*BODIES)
    kind, *flags = way
    flags += ("--concurrency", "30", "--batch-size", "8", "--wait-seconds", "1")
    worker = start_worker(queue, "--handler", f"batch_handlers:record{kind}", *flags)
    worker.until_events(30)
    until(lambda: queue.depth() == (0, 0), 60, "a message was not deleted")
    assert sorted(worker.events()) == sorted(BODIES)
    assert max(sizes(worker)) == 8
    assert worker.state()["processed"] == 30
    worker.signal()
    assert worker.wait() == 0


@ways
@side_by_side
def test_each_message_of_a_batch_fails_on_its_own(
    server: SqsServer, start_worker: StartWorker, way: tuple[str, ...]
) -> None:
    queue, dead = Queue(server), Queue(server)
    queue.send("good", "retry", "reject", "fail", "well")
    kind, *flags = way
    flags += ("--dead-letter-queue", dead.url, "--retry-seconds", "600")
    worker = start_worker(queue, "--handler", f"batch_handlers:fail_some{kind}", *flags)
    until(lambda: queue.depth() == (0, 2) and dead.depth() == (1, 0), 60, "not each message has its own end")
    until(lambda: worker.metric("messages_released_total", queue) == 2, 60, "not both that failed are to come again")
    assert (worker.state()["processed"], worker.state()["failed"]) == (2, 3)
    (failed,) = worker.lines("handler failed")
    assert "RuntimeError: out of paper" in failed["error"]
    assert [line["error"] for line in worker.lines("handler rejected")] == ["no such customer"]
    assert [line["error"] for line in worker.lines("released by its handler")] == ["again in 600 s"]


@side_by_side
def test_the_answer_of_lambda_is_understood(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("good", "bad", "good")
    flags = ("--handler", "batch_handlers:answer_as_lambda", "--retry-seconds", "600")
    worker = start_worker(queue, *flags)
    until(lambda: queue.depth() == (0, 1), 60, "not the one that failed is left")
    (line,) = worker.lines("handler failed")
    assert line["error"] == "it is among the batchItemFailures"


@pytest.mark.parametrize("flags", [(), ("--isolate",)], ids=["threads", "isolated"])
@side_by_side
def test_each_message_of_a_batch_can_be_extended_and_stays_hidden_while_it_is_handled(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("a", "b", "c")
    worker = start_worker(queue, "--handler", "batch_handlers:extend_and_sleep", "--visibility-seconds", "2", *flags)
    worker.until_events(3)
    until(lambda: queue.depth() == (0, 0), 60, "a message was not deleted")
    assert worker.receives() == {"a": ["1"], "b": ["1"], "c": ["1"]}
    assert sorted(worker.events("extended")) == ["a", "b", "c"]
    assert worker.metric("messages_extended_total", queue) > 3, "the worker extends by itself"


def test_a_group_of_a_fifo_queue_keeps_its_order(elasticmq: SqsServer, start_worker: StartWorker) -> None:
    queue = Queue(elasticmq, "batches.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(6):
        for group in "abc":
            queue.send(f"{group}{number}", MessageGroupId=group)
    worker = start_worker(queue, "--handler", "batch_handlers:record", "--concurrency", "20")
    worker.until_events(18)
    for group in "abc":
        assert [each for each in worker.events() if each[0] == group] == [f"{group}{number}" for number in range(6)]
    for batch in worker.events("batch"):
        groups = [each[0] for each in batch.split()]
        assert len(groups) == len(set(groups)), "two messages of a group are handled together"


def test_a_batch_size_without_batches_is_refused(moto_queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--batch-size", "5")
    assert worker.wait() == 2
    assert "annotated list[Message]" in " ".join(worker.log.read_text().split())
