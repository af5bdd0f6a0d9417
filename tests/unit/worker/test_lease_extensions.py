"""When messages are extended: early enough, at once when a handler requests it, and never beyond SQS's limit."""

from itertools import pairwise

import pytest

from queueworker.lease.records import Action
from queueworker.lease.table import MAX_CHECK_INTERVAL_SECONDS, LeaseTable
from queueworker.model import DELETE, MAX_VISIBILITY_SECONDS
from tests.unit.worker.lease_builders import confirm, messages, summary, table_with


@pytest.mark.parametrize(
    ("visibility", "now", "extended"),
    [
        pytest.param(30, 10.0, False, id="more than half of the time is left: nothing to do"),
        pytest.param(30, 15.0, True, id="half of the time is gone: extend"),
        pytest.param(30, 29.0, True, id="nearly expired: extend"),
        pytest.param(30, 31.0, True, id="expired, perhaps nobody has received it yet: extend"),
        pytest.param(1, 0.4, False, id="a visibility of one second, in its first half"),
        pytest.param(1, 0.5, True, id="a visibility of one second, in its second half"),
    ],
)
def test_a_message_is_extended_when_half_of_its_time_is_gone(visibility: int, now: float, extended: bool) -> None:
    table, _ = table_with(1, visibility)
    assert summary(table.due_requests(now, flush=False)) == [(Action.EXTEND, 1)] * extended


def test_extensions_are_sent_in_batches_of_ten() -> None:
    table, _ = table_with(23)
    requests = table.due_requests(20.0, flush=False)
    assert summary(requests) == [(Action.EXTEND, 10), (Action.EXTEND, 10), (Action.EXTEND, 3)]
    assert {seconds for request in requests for seconds in request.visibility_seconds} == {30}


def test_an_extension_counts_from_when_it_was_sent() -> None:
    table, (lease,) = table_with(1)
    (request,) = table.due_requests(20.0, flush=False)
    table.record_answer(request, {}, sent_at=20.0, now=24.0)
    assert lease.expires_at == 50.0


def test_a_failed_extension_is_tried_again_well_before_the_message_expires() -> None:
    table, (lease,) = table_with(1, visibility=2)
    tries, now = 0, 0.0
    while now < lease.expires_at:
        now += table.seconds_until_due(now, flush=False) or 0.0
        for request in table.due_requests(now, flush=False):
            tries += 1
            table.record_answer(request, {0: True}, sent_at=now, now=now)
    assert tries >= 5


def test_a_message_stays_hidden_when_sqs_does_each_extension_and_only_the_answers_are_lost() -> None:
    table, (lease,) = table_with(1, visibility=5)
    shown_at, now = lease.expires_at, 0.0
    while now < 60.0:
        now += table.seconds_until_due(now, flush=False) or 0.0
        assert now < shown_at, "others receive it"
        for request in table.due_requests(now, flush=False):
            shown_at = now + request.visibility_seconds[0]
            table.record_answer(request, {0: True}, sent_at=now, now=now)


def test_a_message_whose_receive_was_answered_late_is_tried_until_sqs_must_show_it() -> None:
    table = LeaseTable(5)
    table.add(next(messages(1)), hidden_since=0.0, now=2.0)
    tries, now = [], 2.0
    while now < 7.0:
        now += table.seconds_until_due(now, flush=False) or 0.0
        for request in table.due_requests(now, flush=False):
            tries.append(now)
            table.record_answer(request, {0: True}, sent_at=now, now=now)
    assert max(later - earlier for earlier, later in pairwise(tries)) < 1.0
    assert tries[-1] > 6.5


def test_extensions_that_fail_for_long_are_tried_less_and_less_often() -> None:
    table, (lease,) = table_with(1, visibility=30)
    tries, now = 0, 0.0
    while now < 300.0:
        now += table.seconds_until_due(now, flush=False) or 0.0
        for request in table.due_requests(now, flush=False):
            tries += 1
            table.record_answer(request, {0: True}, sent_at=now, now=now)
    assert not lease.lost
    assert tries <= 40, "before: four in each second"


def test_a_handler_that_asks_for_an_extension_does_not_wait_for_the_next_try() -> None:
    table, (lease,) = table_with(1)
    for now in (20.0, 21.0, 23.0):
        (request,) = table.due_requests(now, flush=False)
        table.record_answer(request, {0: True}, sent_at=now, now=now)
    table.request_extension(lease, 60, 23.1)
    assert summary(table.due_requests(23.1, flush=False)) == [(Action.EXTEND, 1)]


def test_failed_extensions_do_not_delay_the_delete() -> None:
    table, (lease,) = table_with(1)
    for now in (20.0, 21.0, 23.0):
        (request,) = table.due_requests(now, flush=False)
        table.record_answer(request, {0: True}, sent_at=now, now=now)
    table.settle(lease, DELETE, 23.1)
    assert summary(table.due_requests(23.1, flush=True)) == [(Action.DELETE, 1)]


def test_an_extension_that_sqs_refuses_for_good_is_not_repeated() -> None:
    table, (lease,) = table_with(1)
    (request,) = table.due_requests(20.0, flush=False)
    table.record_answer(request, {0: False}, sent_at=20.0, now=20.0)
    assert lease.lost
    assert table.due_requests(25.0, flush=False) == []


def test_no_message_is_extended_beyond_the_limit_of_sqs() -> None:
    table, (lease,) = table_with(1, visibility=1000)
    now = 0.0
    extensions: list[int] = []
    while not (at_limit := table.pop_at_limit()):
        now += max(1.0, table.seconds_until_due(now, flush=False) or 0.0)
        for request in table.due_requests(now, flush=False):
            extensions += request.visibility_seconds
            assert now + request.visibility_seconds[0] <= MAX_VISIBILITY_SECONDS
            table.record_answer(request, {}, sent_at=now, now=now)
    assert at_limit == [lease]
    assert now == pytest.approx(MAX_VISIBILITY_SECONDS, abs=2)
    assert len(extensions) == pytest.approx(MAX_VISIBILITY_SECONDS / 500, abs=3), "no more requests than needed"
    assert not lease.may_start(now)


def test_an_extension_requested_by_a_handler_is_sent_at_once_and_not_shortened_later() -> None:
    table, (lease,) = table_with(1)
    table.request_extension(lease, 600, 1.0)
    assert table.seconds_until_due(1.0, flush=False) == 0
    (request,) = table.due_requests(1.0, flush=False)
    assert (request.action, request.visibility_seconds) == (Action.EXTEND, (600,))
    confirm(table, [request], 1.0)
    assert lease.requested_seconds == 0
    assert table.due_requests(500.0, flush=False) == []


def test_a_request_of_a_handler_during_an_extension_is_met_by_the_next() -> None:
    table, (lease,) = table_with(1)
    extension = table.due_requests(20.0, flush=False)
    table.request_extension(lease, 600, 20.1)
    assert table.due_requests(20.2, flush=False) == []
    confirm(table, extension, 20.3)
    assert lease.requested_seconds
    (request,) = table.due_requests(20.2 + MAX_CHECK_INTERVAL_SECONDS, flush=False)
    assert request.visibility_seconds == (600,)


def test_after_a_jump_of_the_clock_everything_is_extended_at_once_and_the_lag_is_reported() -> None:
    table, _ = table_with(3)
    assert table.due_requests(1.0, flush=False) == []
    assert table.lag(1.0) == 0.0
    assert table.lag(3600.0) > 3590.0, "reported while it lasts"
    requests = table.due_requests(3600.0, flush=False)
    assert summary(requests) == [(Action.EXTEND, 3)]
    assert table.lag(3600.0) > 3590.0, "and until the next check"
    confirm(table, requests, 3600.0)
    table.due_requests(3601.0, flush=False)
    assert table.lag(3601.0) == 0.0


@pytest.mark.parametrize(
    ("now", "behind"),
    [
        pytest.param(22.0, False, id="it is to be extended, and there is time"),
        pytest.param(23.0, True, id="less than a quarter of the time is left"),
        pytest.param(40.0, True, id="it may have expired"),
    ],
)
def test_extensions_that_come_too_late_are_noticed(now: float, behind: bool) -> None:
    table, (lease,) = table_with(1)
    assert table.is_behind(now) is behind
    table.settle(lease, DELETE, now)
    assert not table.is_behind(now), "the work on it has ended"


def test_a_message_that_cannot_be_extended_any_more_holds_up_no_others() -> None:
    table, (lease,) = table_with(1)
    (request,) = table.due_requests(20.0, flush=False)
    table.record_answer(request, {0: False}, sent_at=20.0, now=20.0)
    assert not table.is_behind(40.0)
    table, (lease,) = table_with(1)
    lease.expires_at = lease.hidden_since + MAX_VISIBILITY_SECONDS
    assert not table.is_behind(lease.expires_at + 1)


def test_a_retry_is_not_put_off_by_the_extension_of_another_message() -> None:
    table, (failing, other) = table_with(2, visibility=5)
    first = table.due_requests(2.5, flush=False)
    for request in first:
        table.record_answer(request, dict.fromkeys(range(len(request.leases)), True), sent_at=2.5, now=2.5)
    retry_at = failing.not_before
    table.request_extension(other, 5, retry_at - 0.1)
    assert [request.leases for request in table.due_requests(retry_at - 0.1, flush=False)] == [(other,)]
    assert table.seconds_until_due(retry_at - 0.1, flush=False) == pytest.approx(0.1)
    assert [request.leases for request in table.due_requests(retry_at, flush=False)] == [(failing,)]
