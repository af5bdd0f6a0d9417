"""What happens to a message that SQS shows to this worker again, and when a message may still be started."""

from dataclasses import replace

import pytest

from queueworker.lease.records import Action
from queueworker.lease.table import LeaseTable
from queueworker.model import DELETE, RELEASE
from tests.unit.worker.lease_builders import messages, table_with


def test_a_message_that_sqs_shows_again_continues_with_its_new_receipt_handle() -> None:
    table, (lease,) = table_with(1)
    late = table.due_requests(29.0, flush=False)
    again = replace(lease.message, receipt_handle="new", receive_count=2)
    assert table.add(again, hidden_since=31.0, now=31.1) is None
    table.record_answer(late[0], {0: False}, sent_at=29.0, now=31.2)
    assert not lease.lost, "the refusal was about the old receipt handle"
    table.settle(lease, DELETE, 32.0)
    (request,) = table.due_requests(32.0, flush=True)
    assert (request.action, request.receipt_handles) == (Action.DELETE, ("new",))


def test_a_message_that_sqs_shows_again_although_it_was_handled_is_deleted_and_not_started() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, DELETE, 1.0)
    (request,) = table.due_requests(1.0, flush=True)
    assert table.add(replace(lease.message, receipt_handle="new"), hidden_since=31.0, now=31.0) is None
    table.record_answer(request, {0: True}, sent_at=1.0, now=32.0)
    (again,) = table.due_requests(32.0, flush=True)
    assert again.receipt_handles == ("new",)


def test_a_message_that_was_released_and_is_received_again_is_a_new_one() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, RELEASE, 1.0)
    (request,) = table.due_requests(1.0, flush=True)
    fresh = table.add(replace(lease.message, receipt_handle="new"), hidden_since=1.5, now=1.5)
    assert fresh is not None, "received before the answer to its release arrived"
    table.record_answer(request, {}, sent_at=1.0, now=2.0)
    assert len(table) == 1
    table.settle(fresh, DELETE, 3.0)
    assert [request.receipt_handles for request in table.due_requests(3.0, flush=True)] == [("new",)]


def test_a_release_whose_answer_was_lost_is_not_repeated_once_the_message_is_here_again() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, RELEASE, 1.0)
    (request,) = table.due_requests(1.0, flush=True)
    fresh = table.add(replace(lease.message, receipt_handle="new"), hidden_since=1.5, now=1.5)
    outcome = table.record_answer(request, {0: True}, sent_at=1.0, now=3.0)
    assert outcome.confirmed == [lease], "SQS has shown the message, so it has done what was requested"
    assert table.due_requests(12.0, flush=True) == [], "it would show others a message that is being handled"
    assert (len(table), fresh is None) == (1, False)


@pytest.mark.parametrize(
    ("received", "now", "may"),
    [
        pytest.param(20.0, 21.0, True, id="received at the end of a long poll"),
        pytest.param(20.0, 49.0, True, id="perhaps still ours"),
        pytest.param(20.0, 50.0, False, id="not ours any more, as after a sleep of the machine"),
    ],
)
def test_a_message_is_started_only_while_it_is_ours(received: float, now: float, may: bool) -> None:
    table = LeaseTable(30)
    (message,) = messages(1)
    lease = table.add(message, hidden_since=0.0, now=received)
    assert lease is not None
    assert lease.may_start(now) is may
