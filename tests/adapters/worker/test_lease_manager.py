"""The lease manager with real queues: deletes that fail in part, a clock that jumps, messages that are lost."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from queueworker.lease.manager import LeaseManager
from queueworker.lease.table import LeaseTable
from queueworker.model import DELETE, EntryFailure, MessageLostError
from queueworker.sqs import SqsQueue
from queueworker.stats import Count, Stats
from tests.adapters.worker.conftest import Queue, until


class FailingOnce:
    """A real queue, but the first delete of the second message of a batch fails inside a 200."""

    def __init__(self, queue: SqsQueue) -> None:
        self._queue = queue
        self.deletes: list[int] = []

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        self.deletes.append(len(receipt_handles))
        if len(self.deletes) > 1:
            return self._queue.delete(receipt_handles)
        self._queue.delete([handle for index, handle in enumerate(receipt_handles) if index != 1])
        return {1: EntryFailure("InternalError", retryable=True)}

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        return self._queue.change_visibility(receipt_handles, seconds)


def test_the_one_failure_inside_a_batch_of_deletes_is_tried_again_and_logged(
    queue: Queue, sqs_at: Callable[[str, str], SqsQueue], caplog: pytest.LogCaptureFixture
) -> None:
    queue.send("a", "b", "c")
    sqs = sqs_at(queue.server.endpoint, queue.url)
    failing, stats = FailingOnce(sqs), Stats(time.monotonic)
    lease_manager = LeaseManager(queue=failing, table=LeaseTable(30), stats=stats, clock=time.monotonic)
    messages = sqs.receive(10, 1, 30)
    assert {message.queue_url for message in messages} == {queue.url}
    with caplog.at_level(logging.WARNING):
        for lease in lease_manager.add(messages, hidden_since=time.monotonic()):
            lease_manager.settle(lease, DELETE)
        # Not earlier: it waits a twentieth of a second for a batch to get full, and might find one message settled.
        threading.Thread(target=lease_manager.run, daemon=True).start()
        until(lambda: stats.snapshot().counts[Count.DELETED] == 3, 60, "a message was not deleted")
    lease_manager.close()
    assert queue.depth() == (0, 0)
    assert failing.deletes == [3, 1]
    assert [record.__dict__["message_id"] for record in caplog.records] == [messages[1].id]


def test_an_unknown_receipt_handle_fails_alone(queue: Queue, sqs_at: Callable[[str, str], SqsQueue]) -> None:
    queue.send("a", "b")
    sqs = sqs_at(queue.server.endpoint, queue.url)
    handles = [message.receipt_handle for message in sqs.receive(10, 1, 30)]
    failures = sqs.delete([handles[0], "no-such-handle", handles[1]])
    assert set(failures) <= {1}, "ElasticMQ and AWS report it, moto deletes silently"
    assert queue.depth() == (0, 0)


def test_a_jump_of_the_clock_makes_the_worker_extend_at_once_and_start_nothing_stale(
    queue: Queue, sqs_at: Callable[[str, str], SqsQueue]
) -> None:
    jump = 0.0
    sqs = sqs_at(queue.server.endpoint, queue.url)
    stats = Stats(time.monotonic)
    lease_manager = LeaseManager(queue=sqs, table=LeaseTable(30), stats=stats, clock=lambda: time.monotonic() + jump)
    queue.send("running", "waiting")
    leases = lease_manager.add(sqs.receive(10, 1, 30), hidden_since=time.monotonic())
    assert lease_manager.message_to_start(leases[0]) is not None
    jump = 3600.0  # as after a sleep of the machine
    assert lease_manager.message_to_start(leases[1]) is None, "another worker may have it"
    assert lease_manager.lag() > 3500
    threading.Thread(target=lease_manager.run, daemon=True).start()
    until(lambda: stats.snapshot().counts[Count.EXTENDED] == 1, 60, "the message was not extended")
    assert stats.snapshot().counts[Count.STRANDED] == 1
    lease_manager.close()


def test_a_handler_gets_an_error_when_its_message_is_lost(queue: Queue, sqs_at: Callable[[str, str], SqsQueue]) -> None:
    queue.send("job")
    sqs = sqs_at(queue.server.endpoint, queue.url)
    stats = Stats(time.monotonic)
    lease_manager = LeaseManager(queue=sqs, table=LeaseTable(30), stats=stats, clock=time.monotonic)
    threading.Thread(target=lease_manager.run, daemon=True).start()
    (lease,) = lease_manager.add(sqs.receive(10, 1, 30), hidden_since=time.monotonic())
    message = lease_manager.message_to_start(lease)
    assert message is not None
    message.extend(60)
    lease_manager.release_all()
    with pytest.raises(MessageLostError, match=message.id):
        message.extend(60)
    lease_manager.close()


def test_a_message_that_is_shown_again_while_its_handler_works_is_not_started_again(
    queue: Queue, sqs_at: Callable[[str, str], SqsQueue]
) -> None:
    queue.send("job")
    sqs, stats = sqs_at(queue.server.endpoint, queue.url), Stats(time.monotonic)
    # Not running: nobody extends yet.
    lease_manager = LeaseManager(queue=sqs, table=LeaseTable(1), stats=stats, clock=time.monotonic)
    (lease,) = lease_manager.add(sqs.receive(1, 1, 1), hidden_since=time.monotonic())
    again = sqs.receive(1, 5, 30)
    assert [message.receive_count for message in again] == [2]
    assert lease_manager.add(again, hidden_since=time.monotonic()) == []
    threading.Thread(target=lease_manager.run, daemon=True).start()
    lease_manager.settle(lease, DELETE)
    until(lambda: len(lease_manager) == 0, 60, "the message was not deleted")
    lease_manager.close()
    assert queue.depth() == (0, 0), "deleted with its new receipt handle"
