"""When settled messages are deleted and released, and that there is never more than one request about a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworker.lease.records import BATCH_SIZE, Action, BatchRequest
from queueworker.lease.table import BATCH_LINGER_SECONDS, GIVE_UP_AFTER_SECONDS
from queueworker.model import DELETE, MAX_VISIBILITY_SECONDS, RELEASE, Disposition
from tests.unit.worker.lease_builders import confirm, summary, table_with


def test_a_retry_comes_no_later_than_sqs_can_hide_the_message() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, Disposition(MAX_VISIBILITY_SECONDS), 7200.0)
    (request,) = table.due_requests(7200.0, flush=True)
    assert request.visibility_seconds == (MAX_VISIBILITY_SECONDS - 7200,)


def test_ten_deletes_are_sent_at_once_and_fewer_wait_for_a_full_batch() -> None:
    table, leases = table_with(13)
    for lease in leases:
        table.settle(lease, DELETE, 1.0)
    assert summary(table.due_requests(1.0, flush=False)) == [(Action.DELETE, 10)]
    assert table.seconds_until_due(1.0, flush=False) == pytest.approx(BATCH_LINGER_SECONDS)
    assert summary(table.due_requests(1.0 + BATCH_LINGER_SECONDS, flush=False)) == [(Action.DELETE, 3)]


def test_a_flush_does_not_wait_for_a_full_batch() -> None:
    table, leases = table_with(3)
    table.settle(leases[0], DELETE, 1.0)
    assert table.seconds_until_due(1.0, flush=True) == 0
    assert summary(table.due_requests(1.0, flush=True)) == [(Action.DELETE, 1)]


def test_a_message_that_is_settled_during_its_extension_is_deleted_only_after_the_answer() -> None:
    table, (lease,) = table_with(1)
    extension = table.due_requests(20.0, flush=False)
    table.settle(lease, DELETE, 20.5)
    assert table.due_requests(21.0, flush=True) == []
    confirm(table, extension, 21.0)
    assert summary(table.due_requests(21.0, flush=True)) == [(Action.DELETE, 1)]


def test_a_message_that_is_being_deleted_is_not_extended() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, DELETE, 1.0)
    assert summary(table.due_requests(2.0, flush=False)) == [(Action.DELETE, 1)]
    assert table.due_requests(29.0, flush=False) == []


def test_of_a_batch_only_the_failed_entries_are_deleted_again() -> None:
    table, leases = table_with(3)
    for lease in leases:
        table.settle(lease, DELETE, 1.0)
    (request,) = table.due_requests(1.0, flush=True)
    outcome = table.record_answer(request, {1: True}, sent_at=1.0, now=1.0)
    assert [lease.message.id for lease in outcome.confirmed] == ["m0", "m2"]
    assert table.due_requests(1.1, flush=True) == []
    (again,) = table.due_requests(1.3, flush=True)
    assert [lease.message.id for lease in again.leases] == ["m1"]


def test_a_message_whose_delete_fails_stays_hidden_between_the_tries() -> None:
    table, (lease,) = table_with(1, visibility=10)
    table.settle(lease, DELETE, 0.0)
    actions, now = [], 0.0
    while now < 60.0:
        now += max(0.01, table.seconds_until_due(now, flush=True) or 0.0)
        for request in table.due_requests(now, flush=True):
            actions.append(request.action)
            table.record_answer(request, {} if request.action is Action.EXTEND else {0: True}, sent_at=now, now=now)
        assert lease.expires_at > now
    assert {Action.DELETE, Action.EXTEND} == set(actions)


@pytest.mark.parametrize(
    ("retryable", "settled_at"),
    [
        pytest.param(False, 1.0, id="SQS refuses for good"),
        pytest.param(True, 1.0 - GIVE_UP_AFTER_SECONDS, id="SQS has failed for too long"),
    ],
)
def test_a_message_that_cannot_be_deleted_is_stranded_and_removed(retryable: bool, settled_at: float) -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, DELETE, settled_at)
    (request,) = table.due_requests(1.0, flush=True)
    assert table.record_answer(request, {0: retryable}, sent_at=1.0, now=1.0).stranded == [lease]
    assert len(table) == 0


def test_releases_carry_their_own_seconds() -> None:
    table, leases = table_with(2)
    table.settle(leases[0], RELEASE, 1.0)
    table.settle(leases[1], Disposition(77), 1.0)
    (request,) = table.due_requests(1.0, flush=False)
    assert (request.action, request.visibility_seconds) == (Action.RELEASE, (0, 77))


def test_only_the_first_disposition_counts() -> None:
    table, (lease,) = table_with(1)
    assert table.settle(lease, RELEASE, 1.0)
    assert not table.settle(lease, DELETE, 1.0)
    assert table.release_all(1.0) == []
    assert summary(table.due_requests(1.0, flush=True)) == [(Action.RELEASE, 1)]


def test_without_leases_there_is_nothing_to_wake_up_for() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, DELETE, 0.0)
    confirm(table, table.due_requests(0.0, flush=True), 0.0)
    assert table.seconds_until_due(0.0, flush=False) is None


@given(st.lists(st.tuples(st.sampled_from(["settle", "confirm", "fail", "check"]), st.integers(0, 24)), max_size=80))
def test_never_two_requests_about_one_message(steps: list[tuple[str, int]]) -> None:
    table, leases = table_with(25)
    pending: list[BatchRequest] = []
    for number, (step, which) in enumerate(steps):
        now = number * 2.0
        if step == "settle":
            table.settle(leases[which], DELETE if which % 2 else RELEASE, now)
        elif step == "check":
            pending += table.due_requests(now, flush=True)
        elif pending:
            request = pending.pop(which % len(pending))
            table.record_answer(request, {} if step == "confirm" else {0: True}, sent_at=now, now=now)
        leases_in_requests = [lease for request in pending for lease in request.leases]
        assert len(leases_in_requests) == len(set(leases_in_requests))
        assert all(len(request.leases) <= BATCH_SIZE for request in pending)


def test_an_extension_while_a_delete_waits_for_its_next_try_makes_that_no_sooner_or_later() -> None:
    table, (lease,) = table_with(1)
    table.settle(lease, DELETE, 1.0)
    now, waits = 1.0, []
    while now < 60.0:
        for request in table.due_requests(now, flush=True):
            if request.action is Action.DELETE:
                table.record_answer(request, {0: True}, sent_at=now, now=now)
                waits.append(lease.not_before - now)
            else:
                confirm(table, [request], now)
        now += 0.1
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
