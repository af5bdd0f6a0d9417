"""How an answer to /state is parsed. Workers belong to tenants: a bad answer costs only the worker that sent it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.model import Pod, WorkerState
from queueworkerpool.workers import answers
from queueworkerpool.workers.answers import MOST_SLOTS, AnswerRefusedError, OtherPodError
from queueworkerpool.workers.states import MOST_BYTES

REPORT = {"busy": 2, "concurrency": 4, "draining": False, "processed": 10, "failed": 1, "busySeconds": 12.5}


POD = Pod(name="jobs-7d9f-x2x4z", uid="0b1c", address="10.0.0.7", hostname="jobs-7d9f-x2x4z")


def parse(body: bytes, pod: Pod = POD) -> WorkerState | None:
    try:
        return answers.parse(body, pod)
    except AnswerRefusedError:
        return None


def report(**differs: Any) -> bytes:
    """A worker's answer with what differs; None leaves a field out."""
    return json.dumps({name: value for name, value in (REPORT | differs).items() if value is not None}).encode()


def raw(**differs: str) -> bytes:
    """The same, with JSON that Python does not write."""
    fields = {name: json.dumps(value) for name, value in REPORT.items()} | differs
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}").encode()


def test_a_report_is_parsed() -> None:
    state = parse(report())
    assert state
    assert (state.busy, state.concurrency, state.finished, state.busy_seconds) == (2, 4, 11, 12.5)


READABLE: dict[str, tuple[bytes, tuple[int, int, int, float]]] = {
    "idle": (report(busy=0), (0, 4, 11, 12.5)),
    "nothing finished yet": (report(processed=0, failed=0, busySeconds=0), (2, 4, 0, 0.0)),
    "sums left out": (report(processed=None, failed=None, busySeconds=None), (2, 4, 0, 0.0)),
    "sums that make no sense are as if left out": (raw(processed='"9"', busySeconds="NaN"), (2, 4, 1, 0.0)),
    "the contract's shortest": (b'{"busy": 1}', (1, 1, 0, 0.0)),
    "the contract's, without concurrency": (
        b'{"busy": 2, "draining": false, "oldestBusySeconds": 41.5}',
        (2, 1, 0, 0.0),
    ),
    "null for concurrency, as serializers write what is not set": (raw(concurrency="null"), (2, 1, 11, 12.5)),
    "whatever is above 0 is busy": (report(busy=0.5), (1, 4, 11, 12.5)),
    "hardly busy": (report(busy=1e-300), (1, 4, 11, 12.5)),
    "not busy at all": (report(busy=0.0), (0, 4, 11, 12.5)),
    "slots with a fraction lose it": (report(busy=2.9, concurrency=4.2), (3, 4, 11, 12.5)),
    "more busy than it has slots": (report(busy=9), (9, 4, 11, 12.5)),
    "the most slots": (report(concurrency=MOST_SLOTS), (2, MOST_SLOTS, 11, 12.5)),
    "unknown fields": (report(tenant={"a": [1, 2]}), (2, 4, 11, 12.5)),
    "spaces around": (b"  " + report() + b"\n", (2, 4, 11, 12.5)),
    "a field that stands twice: the last": (report()[:-1] + b', "busy": 3}', (3, 4, 11, 12.5)),
    "the largest exact number": (report(processed=2**53 - 1, failed=0), (2, 4, 2**53 - 1, 12.5)),
}


@pytest.mark.parametrize(("body", "expected"), READABLE.values(), ids=READABLE)
def test_readable(body: bytes, expected: tuple[int, int, int, float]) -> None:
    state = parse(body)
    assert state
    assert (state.busy, state.concurrency, state.finished, state.busy_seconds) == expected


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"   ",
    "a page": b"<html>welcome</html>",
    "half an object": report()[:-9],
    "two objects": report() + report(),
    "not UTF-8": b'{"busy": 1, "concurrency": 1, "\xff": 1}',
    "zero bytes": b"\0" * 100,
    "null": b"null",
    "a number": b"42",
    "a text": b'"busy"',
    "a list": b"[" + report() + b"]",
    "an empty object": b"{}",
    "nested deeply": b"[" * (MOST_BYTES - 1),
    "nested deeply in a field": b'{"busy": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    "busy left out": report(busy=None),
    "a text for busy": report(busy="2"),
    "a list for busy": report(busy=[2]),
    "an object for concurrency": report(concurrency={"a": 1}),
    "true for busy": report(busy=True),
    "true for concurrency": report(concurrency=True),
    "null for busy": raw(busy="null"),
    "NaN busy": raw(busy="NaN"),
    "infinitely busy": raw(busy="Infinity"),
    "infinite concurrency": raw(concurrency="Infinity"),
    "an overflowing float": raw(busy="1e999"),
    "negative busy": report(busy=-1),
    "slightly negative concurrency": report(concurrency=-1e-300),
    "no slots": report(concurrency=0),
    "less than one slot": report(concurrency=0.5),
    "too many slots": report(concurrency=MOST_SLOTS + 1),
    "2**60 busy": report(busy=2**60),
    "2**53 busy, which as a float equals its neighbour": report(busy=2**53),
    "2**60 slots": report(concurrency=2**60),
    "a number of 400 digits, too large for a float": raw(busy="9" * 400),
    "a negative number of 400 digits": raw(concurrency="-" + "9" * 400),
    "a number of 4400 digits, too long for Python": raw(busy="9" * 4400),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_refused(body: bytes) -> None:
    assert parse(body) is None


REASONS = {
    "busy is missing": {"busy": None},
    "busy is no number": {"busy": "2"},
    "concurrency is no number": {"concurrency": True},
    "busy is negative, or no number that is possible": {"busy": -1},
    "concurrency is not between 1 and 100000": {"concurrency": 0},
}


@pytest.mark.parametrize(("reason", "differs"), REASONS.items(), ids=REASONS)
def test_a_refusal_says_why_and_repeats_nothing(reason: str, differs: dict[str, Any]) -> None:
    with pytest.raises(AnswerRefusedError, match=f"^{reason}$"):
        answers.parse(report(**differs), POD)


LONG = Pod(name="a" * 70, uid="1", hostname="a" * 63)
OWN: dict[str, tuple[Pod, dict[str, Any]]] = {
    "its name": (POD, {"pod": POD.name}),
    "its uid": (POD, {"uid": POD.uid}),
    "both": (POD, {"pod": POD.name, "uid": POD.uid}),
    "neither": (POD, {}),
    "variables that the pod template does not set": (POD, {"pod": "", "uid": ""}),
    "its uid alone, without a name": (POD, {"pod": "", "uid": POD.uid}),
    "its host name, cut by the kubelet": (LONG, {"pod": LONG.hostname}),
    "the name behind it": (LONG, {"pod": LONG.name}),
    "its host name with a domain": (POD, {"pod": f"{POD.name}.jobs.shop.svc.cluster.local"}),
}


@pytest.mark.parametrize(("pod", "names"), OWN.values(), ids=OWN)
def test_an_answer_may_name_its_pod(pod: Pod, names: dict[str, Any]) -> None:
    assert answers.parse(report(**names), pod).busy == 2


ANOTHER: dict[str, dict[str, Any]] = {
    "name": {"pod": "jobs-7d9f-other"},
    "uid": {"uid": "0b1d"},
    "uid, beside an empty name": {"pod": "", "uid": "0b1d"},
    "uid, beside the right name": {"pod": POD.name, "uid": "0b1d"},
    "name that begins with this one's": {"pod": f"{POD.name}-2"},
    "a number": {"uid": 7},
    "a list": {"pod": [POD.name]},
}


@pytest.mark.parametrize("names", ANOTHER.values(), ids=ANOTHER)
def test_the_answer_of_another_pod_is_none_of_this_one(names: dict[str, Any]) -> None:
    """An address is given to another pod as soon as one has ended."""
    with pytest.raises(OtherPodError):
        answers.parse(report(**names), POD)


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", "9" * 400, "true", "[]", "-1", '"9"'])
def test_an_invalid_sum_spoils_no_other_field(value: str) -> None:
    state = parse(raw(busySeconds=value, failed=value))
    assert state
    assert (state.busy, state.concurrency, state.finished, state.busy_seconds) == (2, 4, 10, 0.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*REPORT, "x"]), inner, max_size=6),
    max_leaves=12,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=64))
def test_any_body_is_a_sensible_state_or_none(body: bytes) -> None:
    state = parse(body)
    assert state is None or is_sensible(state)


def is_sensible(state: WorkerState) -> bool:
    sums_are_finite = 0 <= state.busy_seconds < 2**53 and 0 <= state.finished < 2**54
    return 0 <= state.busy < 2**53 and 1 <= state.concurrency <= MOST_SLOTS and sums_are_finite
