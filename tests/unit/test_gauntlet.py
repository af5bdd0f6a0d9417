"""The verdicts of the gauntlet: what each rule excuses, and what no rule does. And its plans, faults and journal."""

import random
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from testbed.gauntlet import messages
from testbed.gauntlet.faults import CredentialFault, Episode, Fault, Faults
from testbed.gauntlet.records import (
    Action,
    ChildKill,
    CutOff,
    Handling,
    Kind,
    Life,
    Records,
    Request,
    Sent,
    parse_journal,
)
from testbed.gauntlet.verdicts import Verdict, judge

VISIBILITY = 5.0


def handled(worker: str, begun: float, ended: float, outcome: str = "ok", message: str = "m") -> Handling:
    return Handling(message, worker, begun, ended, outcome, pid=7)


def request(worker: str, action: Action, time: float, fault: str = "", **more: Any) -> Request:
    seconds = VISIBILITY if action in {Action.RECEIVE, Action.EXTEND} else 0.0
    plain = {"message": "m", "time": time, "done": time, "seconds": seconds, "applied": not fault, "receipt": worker}
    return Request(worker=worker, action=action, fault=fault, **{**plain, **more})


def received(worker: str, time: float, **more: Any) -> Request:
    return request(worker, Action.RECEIVE, time, **more)


def refused(worker: str, time: float) -> Request:
    return request(worker, Action.CREDENTIALS, time, "credentials denied", message="")


AGAIN = Records(
    sent=[Sent("m")],
    handlings=[handled("a", 1, 3), handled("b", 7, 8)],
    requests=[received("a", 0.9), received("b", 6.9), request("b", Action.DELETE, 8.1)],
    lives=[Life(worker="a"), Life(worker="b")],
)
"""Worker a handles the message, and b does so again, for no reason."""

OVERLAP = replace(AGAIN, handlings=[handled("a", 1, 9), handled("b", 7, 8)])
"""Worker b begins while a is still at work, for no reason."""

STRANDED = Records(
    sent=[Sent("m")],
    handlings=[handled("a", 1, 3)],
    requests=[received("a", 0.9)],
    lives=[Life(worker="a", terminated=3.5, ended=4, exit_code=0)],
)
"""Worker a ends in order, and has not deleted the message."""


def with_requests(records: Records, *more: Request, **changes: Any) -> Records:
    return replace(records, requests=[*records.requests, *more], **changes)


def found(verdict: Verdict) -> dict[str, Any]:
    """Return what differs from a verdict without findings; of sentences, their number."""
    values = {field.name: getattr(verdict, field.name) for field in fields(Verdict)}
    return {
        name: dict(value) if isinstance(value, dict) else len(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value
    }


KILLED = [Life(worker="a", killed=4, ended=4.1), Life(worker="b")]
DELETE_FAULTED = request("a", Action.DELETE, 3.1, "503")
EXTENSION_FAULTED = request("a", Action.EXTEND, 5.1, "reset before")
EARLY = replace(EXTENSION_FAULTED, time=3.4, done=3.4)
"""More than a second before the message is shown."""

REPETITIONS: dict[str, tuple[Records, dict[str, Any]]] = {
    "without a reason": (AGAIN, {"unexcused": 1}),
    "its worker was killed after it": (replace(AGAIN, lives=KILLED), {"repetitions": {"worker_killed": 1}}),
    "its worker was killed when it had been shown": (
        replace(AGAIN, lives=[Life(worker="a", killed=6.95), Life(worker="b")]),
        {"unexcused": 1},
    ),
    "its worker was killed, and its process ran on for a moment": (
        replace(AGAIN, lives=[Life(worker="a", killed=2.6), Life(worker="b")]),
        {"repetitions": {"worker_killed": 1}},
    ),
    "another worker was killed": (
        replace(AGAIN, lives=[Life(worker="a"), Life(worker="b", killed=4)]),
        {"unexcused": 1},
    ),
    "its process was killed at its end": (
        replace(AGAIN, child_kills=[ChildKill("a", 7, 3.01)]),
        {"repetitions": {"child_killed": 1}},
    ),
    "another process was killed": (replace(AGAIN, child_kills=[ChildKill("a", 8, 3.01)]), {"unexcused": 1}),
    "it was cut off at its end": (replace(AGAIN, cut_offs=[CutOff("a", "m", 3.1)]), {"repetitions": {"cut_off": 1}}),
    "it was released long after its end": (replace(AGAIN, cut_offs=[CutOff("a", "m", 4.5)]), {"unexcused": 1}),
    "its delete was lost": (with_requests(AGAIN, DELETE_FAULTED), {"repetitions": {"delete_lost": 1}}),
    "a delete of another message was lost": (
        with_requests(AGAIN, replace(DELETE_FAULTED, message="other")),
        {"unexcused": 1},
    ),
    "another worker's delete was lost": (
        with_requests(AGAIN, replace(DELETE_FAULTED, worker="c")),
        {"unexcused": 1},
    ),
    "its delete was lost when it had been shown": (
        with_requests(AGAIN, replace(DELETE_FAULTED, time=7.5, done=7.5)),
        {"unexcused": 1},
    ),
    "its extension was lost, long before its end": (with_requests(AGAIN, EXTENSION_FAULTED), {"unexcused": 1}),
    "its extension was lost, and it was shown at its end": (
        with_requests(AGAIN, EXTENSION_FAULTED, handlings=[handled("a", 1, 6.5), handled("b", 7, 8)]),
        {"repetitions": {"extension_lost": 1}},
    ),
    "its delete had to wait for an extension that was never answered": (
        with_requests(
            AGAIN,
            replace(EXTENSION_FAULTED, time=4.1, done=4.1, fault="hanging before"),
            handlings=[handled("a", 1, 5), handled("b", 7, 8)],
        ),
        {"repetitions": {"extension_lost": 1}},
    ),
    "it had no credentials for the delete": (
        with_requests(AGAIN, refused("a", 3.2)),
        {"repetitions": {"credentials": 1}},
    ),
    "it had no credentials before its end": (with_requests(AGAIN, refused("a", 1.2)), {"unexcused": 1}),
    "it failed first": (replace(AGAIN, handlings=[handled("a", 1, 3, "failed"), handled("b", 7, 8)]), {}),
}
OVERLAPS: dict[str, tuple[Records, dict[str, Any]]] = {
    "without a reason": (OVERLAP, {"unexcused": 1, "unexcused_overlaps": 1}),
    "every extension was faulted": (
        with_requests(OVERLAP, EXTENSION_FAULTED),
        {"repetitions": {"extension_lost": 1}, "overlaps": {"extension_lost": 1}},
    ),
    "an extension was faulted, and a later one was not": (
        with_requests(OVERLAP, EXTENSION_FAULTED, request("a", Action.EXTEND, 5.2)),
        {"unexcused": 1, "unexcused_overlaps": 1},
    ),
    "an extension was faulted early, and no other was sent": (
        with_requests(OVERLAP, EARLY),
        {"unexcused": 1, "unexcused_overlaps": 1},
    ),
    "an extension was not answered": (
        with_requests(OVERLAP, replace(EARLY, fault="hanging before")),
        {"repetitions": {"extension_lost": 1}, "overlaps": {"extension_lost": 1}},
    ),
    "an extension was refused for good": (
        with_requests(OVERLAP, replace(EARLY, fault="entry refused")),
        {"repetitions": {"extension_lost": 1}, "overlaps": {"extension_lost": 1}},
    ),
    "SQS did extend, its answer was lost, and no other was sent": (
        with_requests(OVERLAP, replace(EARLY, applied=True), handlings=[handled("a", 1, 12), handled("b", 9, 10)]),
        {"unexcused": 1, "unexcused_overlaps": 1},
    ),
    "its worker had no credentials": (
        with_requests(OVERLAP, refused("a", 4)),
        {"repetitions": {"credentials": 1}, "overlaps": {"credentials": 1}},
    ),
    "its worker was killed before": (
        replace(OVERLAP, handlings=[Handling("m", "a", 1), handled("b", 7, 8)], lives=KILLED),
        {},
    ),
    "its process was killed before": (
        replace(
            OVERLAP, handlings=[Handling("m", "a", 1, pid=7), handled("b", 7, 8)], child_kills=[ChildKill("a", 7, 2)]
        ),
        {},
    ),
}
EXITS: dict[str, tuple[Records, dict[str, Any]]] = {
    "without a reason": (STRANDED, {"unexcused_stranded": 1}),
    "deleted": (with_requests(STRANDED, request("a", Action.DELETE, 3.6)), {}),
    "released": (with_requests(STRANDED, request("a", Action.RELEASE, 3.6)), {}),
    "its delete was faulted": (with_requests(STRANDED, request("a", Action.DELETE, 3.6, "503")), {"stranded": 1}),
    "it had no credentials": (with_requests(STRANDED, refused("a", 3.6)), {"stranded": 1}),
    "its extension was faulted": (
        with_requests(STRANDED, request("a", Action.EXTEND, 3.6, "503")),
        {"unexcused_stranded": 1},
    ),
    "received by another worker since": (with_requests(STRANDED, received("b", 3.7)), {}),
    "the answer was lost": (
        replace(STRANDED, requests=[received("a", 0.9, fault="reset after", applied=True)]),
        {},
    ),
    "visible again": (
        replace(STRANDED, lives=[Life(worker="a", terminated=3.5, ended=8, exit_code=1)]),
        {},
    ),
    "killed": (replace(STRANDED, lives=[Life(worker="a", killed=3.5, ended=4)]), {}),
    "received after a second signal": (
        replace(STRANDED, lives=[Life(worker="a", terminated=0.5, hurried=0.7, ended=4)]),
        {"stranded": 1},
    ),
}


@pytest.mark.parametrize(("records", "expected"), REPETITIONS.values(), ids=REPETITIONS)
def test_a_message_is_handled_again_only_where_a_rule_excuses_it(records: Records, expected: dict[str, Any]) -> None:
    assert found(judge(records)) == expected


@pytest.mark.parametrize(("records", "expected"), OVERLAPS.values(), ids=OVERLAPS)
def test_a_message_is_begun_again_beside_its_handler_only_when_every_extension_was_faulted(
    records: Records, expected: dict[str, Any]
) -> None:
    assert found(judge(records)) == expected


@pytest.mark.parametrize(("records", "expected"), EXITS.values(), ids=EXITS)
def test_an_orderly_exit_leaves_nothing_in_flight_but_what_was_faulted(
    records: Records, expected: dict[str, Any]
) -> None:
    assert found(judge(records)) == expected


REJECTED = Sent("m", Kind.PLAIN, "g", 4, rejects=True)
HANDLED: dict[str, tuple[Records, dict[str, Any]]] = {
    "never begun": (Records(sent=[Sent("m")]), {"unhandled": 1}),
    "only failed": (Records(sent=[Sent("m")], handlings=[handled("a", 1, 2, "failed")]), {"unhandled": 1}),
    "never ended": (Records(sent=[Sent("m")], handlings=[Handling("m", "a", 1)]), {"unhandled": 1}),
    "handled": (Records(sent=[Sent("m")], handlings=[handled("a", 1, 2)]), {}),
    "rejected and lost": (Records(sent=[REJECTED], handlings=[handled("a", 1, 2, "rejected")]), {"unhandled": 1}),
    "rejected": (
        Records(sent=[REJECTED], handlings=[handled("a", 1, 2, "rejected")], dead_letters=[("g", 4)]),
        {},
    ),
}


@pytest.mark.parametrize(("records", "expected"), HANDLED.values(), ids=HANDLED)
def test_every_message_is_handled_or_a_dead_letter(records: Records, expected: dict[str, Any]) -> None:
    assert found(judge(records)) == expected


def in_order(*times: tuple[float, float], kind: Kind = Kind.FIFO) -> Records:
    sent = [Sent(str(number), kind, "g", number) for number in range(len(times))]
    runs = [handled("a", begun, ended, message=str(number)) for number, (begun, ended) in enumerate(times)]
    return Records(sent=sent, handlings=runs)


ORDERS: dict[str, tuple[Records, dict[str, Any]]] = {
    "in order": (in_order((1, 2), (2, 3), (4, 5)), {}),
    "the second before the first": (in_order((3, 4), (1, 2)), {"out_of_order": 1}),
    "the second beside the first": (in_order((1, 4), (2, 3)), {"out_of_order": 1}),
    "not in a FIFO queue": (in_order((3, 4), (1, 2), kind=Kind.FAIR), {}),
}


@pytest.mark.parametrize(("records", "expected"), ORDERS.values(), ids=ORDERS)
def test_groups_of_fifo_queues_have_an_order(records: Records, expected: dict[str, Any]) -> None:
    assert found(judge(records)) == expected


def test_a_repetition_in_a_group_concerns_nobody_else() -> None:
    records = in_order((1, 2), (3, 4))
    again = [*records.handlings, handled("b", 9, 10, message="0")]
    deliveries = [received("a", 0, message="0"), received("b", 8, message="0")]
    lost = request("a", Action.DELETE, 2.1, "429", message="0")
    judged = judge(replace(records, handlings=again, requests=[*deliveries, lost]))
    assert found(judged) == {"repetitions": {"delete_lost": 1}}


def test_the_journal_shows_each_run_with_its_outcome() -> None:
    lines = ["begin m a 7 1 1.5", "begin n a 8 1 2.0", "ok m a 7 1 3.5", "begin m b 7 2 9.0"]
    assert parse_journal(lines) == [
        Handling("m", "a", 1.5, 3.5, "ok", 7),
        Handling("n", "a", 2.0, pid=8),
        Handling("m", "b", 9.0, pid=7),
    ]


def test_handlers_take_from_a_twentieth_of_the_visibility_timeout_to_three_of_them() -> None:
    dice = random.Random(1)
    seconds = sorted(messages.plan(dice, 4)["seconds"] for _ in range(2000))
    assert 0.2 <= seconds[0] < 0.21
    assert 11.7 < seconds[-1] <= 12
    assert {messages.plan(dice, 4)["way"] for _ in range(500)} == set(messages.WAYS)


def drawn(faults: Faults, now: float = 1.0) -> Sequence[object]:
    return [
        *(faults.of_request("a", now) for _ in range(3000)),
        *(faults.of_entry("a") for _ in range(500)),
        *(faults.of_credentials("a", now) for _ in range(5)),
    ]


def test_the_same_seed_draws_the_same_faults_and_every_one_of_them() -> None:
    first, second = Faults(3), Faults(3)
    first.everyone_quiet = second.everyone_quiet = False
    assert drawn(first) == drawn(second)
    assert set(Fault) <= first.counts.keys()


def test_nothing_goes_wrong_with_the_requests_of_whoever_is_spared() -> None:
    faults = Faults(3)
    assert not any(drawn(faults))
    faults.everyone_quiet = False
    faults.begin_episode("a", Episode(0, 9, Fault.FAILED))
    faults.begin_episode("a", Episode(0, 9, CredentialFault.DENIED))
    faults.spare("a")
    assert not any(drawn(faults))


def test_in_an_episode_every_request_meets_its_fault_and_credentials_end_soon_before_it() -> None:
    faults = Faults(3)
    faults.everyone_quiet = False
    faults.begin_episode("a", Episode(1, 9, Fault.TOO_MANY))
    faults.begin_episode("a", Episode(5, 9, CredentialFault.DENIED))
    assert {faults.of_request("a", now=2) for _ in range(50)} == {Fault.TOO_MANY}
    assert faults.of_credentials("a", now=2) is None
    assert faults.short_lived("a", now=2)
    assert faults.of_credentials("a", now=6) is CredentialFault.DENIED
    assert not faults.short_lived("b", now=6)
    assert faults.of_credentials("a", now=10) is None
