"""The custodian with real queues: deletes that fail in part, a clock that jumps, messages that are lost."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from queueworker.lease.manager import Custodian
from queueworker.lease.table import Leases
from queueworker.model import DELETE, EntryFailure, MessageLostError
from queueworker.sqs import Sqs
from queueworker.stats import Count, Stats
from tests.adapters.worker.conftest import Queue, until


class FailingOnce:
    """A real queue, but the first delete of the second message of a batch fails inside a 200."""

    def __init__(self, queue: Sqs) -> None:
        self._queue = queue
        self.deletes: list[int] = []

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        self.deletes.append(len(receipt_handles))
        if len(self.deletes) > 1:
            return self._queue.delete(receipt_handles)
        self._queue.delete([handle for index, handle in enumerate(receipt_handles) if index != 1])
        return {1: EntryFailure("InternalError", retry=True)}

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        return self._queue.change_visibility(receipt_handles, seconds)


def test_the_one_failure_inside_a_batch_of_deletes_is_tried_again_and_logged(
    queue: Queue, sqs_at: Callable[[str, str], Sqs], caplog: pytest.LogCaptureFixture
) -> None:
    queue.send("a", "b", "c")
    sqs = sqs_at(queue.server.endpoint, queue.url)
    failing, stats = FailingOnce(sqs), Stats(time.monotonic)
    custodian = Custodian(failing, Leases(30), stats, time.monotonic)
    threading.Thread(target=custodian.run, daemon=True).start()
    messages = sqs.receive(10, 1, 30)
    with caplog.at_level(logging.WARNING):
        for lease in custodian.take(messages, time.monotonic()):
            custodian.end(lease, DELETE)
        until(lambda: len(custodian) == 0, 10, "a message was not deleted")
    custodian.close()
    assert queue.depth() == (0, 0)
    assert failing.deletes == [3, 1]
    assert stats.snapshot().counts[Count.DELETED] == 3
    assert [record.__dict__["message_id"] for record in caplog.records] == [messages[1].id]


def test_a_receipt_handle_that_sqs_does_not_know_fails_alone(queue: Queue, sqs_at: Callable[[str, str], Sqs]) -> None:
    queue.send("a", "b")
    sqs = sqs_at(queue.server.endpoint, queue.url)
    handles = [message.receipt_handle for message in sqs.receive(10, 1, 30)]
    failures = sqs.delete([handles[0], "no-such-handle", handles[1]])
    assert set(failures) <= {1}, "ElasticMQ and AWS report it, moto deletes in silence"
    assert queue.depth() == (0, 0)


def test_a_jump_of_the_clock_makes_the_worker_extend_at_once_and_start_nothing_stale(
    queue: Queue, sqs_at: Callable[[str, str], Sqs]
) -> None:
    jump = 0.0
    sqs = sqs_at(queue.server.endpoint, queue.url)
    stats = Stats(time.monotonic)
    custodian = Custodian(sqs, Leases(30), stats, lambda: time.monotonic() + jump)
    queue.send("running", "waiting")
    leases = custodian.take(sqs.receive(10, 1, 30), time.monotonic())
    assert custodian.lend(leases[0]) is not None
    jump = 3600.0  # as after a sleep of the machine
    assert custodian.lend(leases[1]) is None, "somebody else may have it"
    assert custodian.lag() > 3500
    threading.Thread(target=custodian.run, daemon=True).start()
    until(lambda: stats.snapshot().counts[Count.EXTENDED] == 1, 10, "the message was not extended")
    assert stats.snapshot().counts[Count.STRANDED] == 1
    custodian.close()


def test_a_handler_learns_that_its_message_is_lost(queue: Queue, sqs_at: Callable[[str, str], Sqs]) -> None:
    queue.send("job")
    sqs = sqs_at(queue.server.endpoint, queue.url)
    custodian = Custodian(sqs, Leases(30), Stats(time.monotonic), time.monotonic)
    threading.Thread(target=custodian.run, daemon=True).start()
    (lease,) = custodian.take(sqs.receive(10, 1, 30), time.monotonic())
    message = custodian.lend(lease)
    assert message is not None
    message.extend(60)
    custodian.end_all()
    with pytest.raises(MessageLostError, match=message.id):
        message.extend(60)
    custodian.close()


def test_a_message_that_is_shown_again_while_its_handler_works_is_not_started_again(
    queue: Queue, sqs_at: Callable[[str, str], Sqs]
) -> None:
    queue.send("job")
    sqs, stats = sqs_at(queue.server.endpoint, queue.url), Stats(time.monotonic)
    custodian = Custodian(sqs, Leases(1), stats, time.monotonic)  # nobody extends yet
    (lease,) = custodian.take(sqs.receive(1, 1, 1), time.monotonic())
    again = sqs.receive(1, 5, 30)
    assert [message.receive_count for message in again] == [2]
    assert custodian.take(again, time.monotonic()) == []
    threading.Thread(target=custodian.run, daemon=True).start()
    custodian.end(lease, DELETE)
    until(lambda: len(custodian) == 0, 10, "the message was not deleted")
    custodian.close()
    assert queue.depth() == (0, 0), "deleted under its new receipt"
