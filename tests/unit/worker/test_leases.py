"""What SQS is asked about held messages: when they are extended, deleted, released, and never two things at once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworker.lease.table import BATCH, GIVE_UP_SECONDS, LINGER_SECONDS, SCAN_SECONDS, Ask, Lease, Leases, Purpose
from queueworker.model import DELETE, MAX_VISIBILITY_SECONDS, RELEASE, Ending, Message


def messages(number: int) -> Iterator[Message]:
    return (Message(id=f"m{i}", body="", receipt_handle=f"r{i}") for i in range(number))


def holding(number: int, visibility: int = 30, now: float = 0.0) -> tuple[Leases, list[Lease]]:
    leases = Leases(visibility)
    added = [leases.add(message, now, now) for message in messages(number)]
    return leases, [lease for lease in added if lease is not None]


def asked(asks: list[Ask]) -> list[tuple[Purpose, int]]:
    return [(ask.purpose, len(ask.leases)) for ask in asks]


def confirm(leases: Leases, asks: list[Ask], now: float) -> None:
    for ask in asks:
        leases.answered(ask, {}, now, now)


@pytest.mark.parametrize(
    ("visibility", "now", "extended"),
    [
        pytest.param(30, 10.0, False, id="more than half of the time is left: nothing to do"),
        pytest.param(30, 15.0, True, id="half of the time is gone: extend"),
        pytest.param(30, 29.0, True, id="nearly expired: extend"),
        pytest.param(30, 31.0, True, id="expired, perhaps nobody has seen it yet: extend"),
        pytest.param(1, 0.4, False, id="a visibility of one second, in its first half"),
        pytest.param(1, 0.5, True, id="a visibility of one second, in its second half"),
    ],
)
def test_a_message_is_extended_when_half_of_its_time_is_gone(visibility: int, now: float, extended: bool) -> None:
    leases, _ = holding(1, visibility)
    assert asked(leases.due(now, flush=False)) == [(Purpose.EXTEND, 1)] * extended


def test_extensions_go_out_in_batches_of_ten() -> None:
    leases, _ = holding(23)
    asks = leases.due(20.0, flush=False)
    assert asked(asks) == [(Purpose.EXTEND, 10), (Purpose.EXTEND, 10), (Purpose.EXTEND, 3)]
    assert {seconds for ask in asks for seconds in ask.seconds} == {30}


def test_an_extension_counts_from_when_it_was_sent() -> None:
    leases, (lease,) = holding(1)
    (ask,) = leases.due(20.0, flush=False)
    leases.answered(ask, {}, sent=20.0, now=24.0)
    assert lease.expires == 50.0


def test_a_failed_extension_is_tried_again_well_before_the_message_expires() -> None:
    leases, (lease,) = holding(1, visibility=2)
    tries, now = 0, 0.0
    while now < lease.expires:
        now += leases.next_due(now, flush=False) or 0.0
        for ask in leases.due(now, flush=False):
            tries += 1
            leases.answered(ask, {0: True}, now, now)
    assert tries >= 5


def test_an_extension_that_sqs_refuses_for_good_is_not_repeated() -> None:
    leases, (lease,) = holding(1)
    (ask,) = leases.due(20.0, flush=False)
    leases.answered(ask, {0: False}, 20.0, 20.0)
    assert lease.lost
    assert leases.due(25.0, flush=False) == []


def test_no_message_is_extended_beyond_the_limit_of_sqs() -> None:
    leases, (lease,) = holding(1, visibility=1000)
    now = 0.0
    asked_seconds: list[int] = []
    while not (outlived := leases.pop_outlived()):
        now += max(1.0, leases.next_due(now, flush=False) or 0.0)
        for ask in leases.due(now, flush=False):
            asked_seconds += ask.seconds
            assert now + ask.seconds[0] <= MAX_VISIBILITY_SECONDS
            leases.answered(ask, {}, now, now)
    assert outlived == [lease]
    assert now == pytest.approx(MAX_VISIBILITY_SECONDS, abs=2)
    assert len(asked_seconds) == pytest.approx(MAX_VISIBILITY_SECONDS / 500, abs=3), "no more requests than needed"
    assert not lease.may_start(now)


def test_a_retry_comes_no_later_than_sqs_can_hide_the_message() -> None:
    leases, (lease,) = holding(1)
    leases.end(lease, Ending(MAX_VISIBILITY_SECONDS), 7200.0)
    (ask,) = leases.due(7200.0, flush=True)
    assert ask.seconds == (MAX_VISIBILITY_SECONDS - 7200,)


def test_a_handler_that_wants_more_time_gets_it_at_once_and_no_extension_takes_it_back() -> None:
    leases, (lease,) = holding(1)
    leases.want(lease, 600, 1.0)
    assert leases.next_due(1.0, flush=False) == 0
    (ask,) = leases.due(1.0, flush=False)
    assert (ask.purpose, ask.seconds) == (Purpose.EXTEND, (600,))
    confirm(leases, [ask], 1.0)
    assert lease.wanted == 0
    assert leases.due(500.0, flush=False) == []


def test_a_wish_during_an_extension_is_granted_by_the_next() -> None:
    leases, (lease,) = holding(1)
    extension = leases.due(20.0, flush=False)
    leases.want(lease, 600, 20.1)
    assert leases.due(20.2, flush=False) == []
    confirm(leases, extension, 20.3)
    assert lease.wanted
    (ask,) = leases.due(20.2 + SCAN_SECONDS, flush=False)
    assert ask.seconds == (600,)


def test_a_message_that_sqs_shows_again_goes_on_under_its_new_receipt() -> None:
    leases, (lease,) = holding(1)
    late = leases.due(29.0, flush=False)
    again = replace(lease.message, receipt_handle="new", receive_count=2)
    assert leases.add(again, 31.0, 31.1) is None
    leases.answered(late[0], {0: False}, 29.0, 31.2)
    assert not lease.lost, "the refusal was about the old receipt"
    leases.end(lease, DELETE, 32.0)
    (ask,) = leases.due(32.0, flush=True)
    assert (ask.purpose, ask.receipts) == (Purpose.DELETE, ("new",))


def test_a_message_that_sqs_shows_again_although_it_was_done_is_deleted_and_not_started() -> None:
    leases, (lease,) = holding(1)
    leases.end(lease, DELETE, 1.0)
    (ask,) = leases.due(1.0, flush=True)
    assert leases.add(replace(lease.message, receipt_handle="new"), 31.0, 31.0) is None
    leases.answered(ask, {0: True}, 1.0, 32.0)
    (again,) = leases.due(32.0, flush=True)
    assert again.receipts == ("new",)


def test_a_message_that_was_given_back_and_comes_again_is_a_new_one() -> None:
    leases, (lease,) = holding(1)
    leases.end(lease, RELEASE, 1.0)
    (ask,) = leases.due(1.0, flush=True)
    fresh = leases.add(replace(lease.message, receipt_handle="new"), 1.5, 1.5)
    assert fresh is not None, "received before the answer to its release arrived"
    leases.answered(ask, {}, 1.0, 2.0)
    assert len(leases) == 1
    leases.end(fresh, DELETE, 3.0)
    assert [ask.receipts for ask in leases.due(3.0, flush=True)] == [("new",)]


@pytest.mark.parametrize(
    ("received", "now", "may"),
    [
        pytest.param(20.0, 21.0, True, id="came at the end of a long poll"),
        pytest.param(20.0, 49.0, True, id="perhaps still ours"),
        pytest.param(20.0, 50.0, False, id="not ours any more, as after a sleep of the machine"),
    ],
)
def test_a_message_is_started_only_while_it_is_ours(received: float, now: float, may: bool) -> None:
    leases = Leases(30)
    (message,) = messages(1)
    lease = leases.add(message, 0.0, received)
    assert lease is not None
    assert lease.may_start(now) is may


def test_after_a_jump_of_the_clock_everything_is_extended_at_once_and_the_lag_is_told() -> None:
    leases, _ = holding(3)
    assert leases.due(1.0, flush=False) == []
    assert leases.lag(1.0) == 0.0
    assert leases.lag(3600.0) > 3590.0, "told while it lasts"
    asks = leases.due(3600.0, flush=False)
    assert asked(asks) == [(Purpose.EXTEND, 3)]
    assert leases.lag(3600.0) > 3590.0, "and until the next look"
    confirm(leases, asks, 3600.0)
    leases.due(3601.0, flush=False)
    assert leases.lag(3601.0) == 0.0


def test_ten_deletes_go_out_at_once_and_fewer_wait_for_company() -> None:
    leases, held = holding(13)
    for lease in held:
        leases.end(lease, DELETE, 1.0)
    assert asked(leases.due(1.0, flush=False)) == [(Purpose.DELETE, 10)]
    assert leases.next_due(1.0, flush=False) == pytest.approx(LINGER_SECONDS)
    assert asked(leases.due(1.0 + LINGER_SECONDS, flush=False)) == [(Purpose.DELETE, 3)]


def test_a_flush_waits_for_no_company() -> None:
    leases, held = holding(3)
    leases.end(held[0], DELETE, 1.0)
    assert leases.next_due(1.0, flush=True) == 0
    assert asked(leases.due(1.0, flush=True)) == [(Purpose.DELETE, 1)]


def test_a_message_that_ends_during_its_extension_is_deleted_only_after_the_answer() -> None:
    leases, (lease,) = holding(1)
    extension = leases.due(20.0, flush=False)
    leases.end(lease, DELETE, 20.5)
    assert leases.due(21.0, flush=True) == []
    confirm(leases, extension, 21.0)
    assert asked(leases.due(21.0, flush=True)) == [(Purpose.DELETE, 1)]


def test_a_message_that_is_being_deleted_is_not_extended() -> None:
    leases, (lease,) = holding(1)
    leases.end(lease, DELETE, 1.0)
    assert asked(leases.due(2.0, flush=False)) == [(Purpose.DELETE, 1)]
    assert leases.due(29.0, flush=False) == []


def test_of_a_batch_only_the_failed_entries_are_deleted_again() -> None:
    leases, held = holding(3)
    for lease in held:
        leases.end(lease, DELETE, 1.0)
    (ask,) = leases.due(1.0, flush=True)
    outcome = leases.answered(ask, {1: True}, 1.0, 1.0)
    assert [lease.message.id for lease in outcome.done] == ["m0", "m2"]
    assert leases.due(1.1, flush=True) == []
    (again,) = leases.due(1.3, flush=True)
    assert [lease.message.id for lease in again.leases] == ["m1"]


def test_a_message_whose_delete_fails_stays_hidden_between_the_tries() -> None:
    leases, (lease,) = holding(1, visibility=10)
    leases.end(lease, DELETE, 0.0)
    asks, now = [], 0.0
    while now < 60.0:
        now += max(0.01, leases.next_due(now, flush=True) or 0.0)
        for ask in leases.due(now, flush=True):
            asks.append(ask.purpose)
            leases.answered(ask, {} if ask.purpose is Purpose.EXTEND else {0: True}, now, now)
        assert lease.expires > now
    assert {Purpose.DELETE, Purpose.EXTEND} == set(asks)


@pytest.mark.parametrize(
    ("retry", "ended"),
    [
        pytest.param(False, 1.0, id="SQS refuses for good"),
        pytest.param(True, 1.0 - GIVE_UP_SECONDS, id="SQS has failed for too long"),
    ],
)
def test_a_message_that_cannot_be_deleted_is_stranded_and_forgotten(retry: bool, ended: float) -> None:
    leases, (lease,) = holding(1)
    leases.end(lease, DELETE, ended)
    (ask,) = leases.due(1.0, flush=True)
    assert leases.answered(ask, {0: retry}, 1.0, 1.0).stranded == [lease]
    assert len(leases) == 0


def test_releases_carry_their_own_seconds() -> None:
    leases, held = holding(2)
    leases.end(held[0], RELEASE, 1.0)
    leases.end(held[1], Ending(77), 1.0)
    (ask,) = leases.due(1.0, flush=False)
    assert (ask.purpose, ask.seconds) == (Purpose.RELEASE, (0, 77))


def test_the_first_word_about_an_ending_counts() -> None:
    leases, (lease,) = holding(1)
    assert leases.end(lease, RELEASE, 1.0)
    assert not leases.end(lease, DELETE, 1.0)
    assert leases.end_all(1.0) == []
    assert asked(leases.due(1.0, flush=True)) == [(Purpose.RELEASE, 1)]


def test_with_nothing_held_there_is_nothing_to_wake_up_for() -> None:
    leases, (lease,) = holding(1)
    leases.end(lease, DELETE, 0.0)
    confirm(leases, leases.due(0.0, flush=True), 0.0)
    assert leases.next_due(0.0, flush=False) is None


@given(st.lists(st.tuples(st.sampled_from(["end", "answer", "fail", "look"]), st.integers(0, 24)), max_size=80))
def test_never_two_requests_about_one_message(steps: list[tuple[str, int]]) -> None:
    leases, held = holding(25)
    under_way: list[Ask] = []
    for number, (step, which) in enumerate(steps):
        now = number * 2.0
        if step == "end":
            leases.end(held[which], DELETE if which % 2 else RELEASE, now)
        elif step == "look":
            under_way += leases.due(now, flush=True)
        elif under_way:
            ask = under_way.pop(which % len(under_way))
            leases.answered(ask, {} if step == "answer" else {0: True}, now, now)
        about = [lease for ask in under_way for lease in ask.leases]
        assert len(about) == len(set(about))
        assert all(len(ask.leases) <= BATCH for ask in under_way)
