"""Times, statuses and pools as the model parses them, whatever is stored."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import (
    INVALID_POLL_SECONDS,
    InvalidPool,
    Memory,
    Pool,
    PoolStatus,
    ScaleTarget,
    format_time,
    parse_pool,
    parse_time,
)
from queueworkerpool.model.times import format_exact_time
from queueworkerpool.names import ConditionType
from queueworkerpool.validate.crd import pool_schema
from tests.unit.operator.builders import NOW, pool, raw_pool
from tests.unit.operator.fakes import observe, status_of

# Times

TIMES: dict[str, tuple[str, datetime]] = {
    "in whole seconds": ("2026-11-23T12:00:00Z", NOW),
    "with microseconds": ("2026-11-23T12:00:00.000001Z", NOW + timedelta(microseconds=1)),
    "in another zone": ("2026-11-23T14:00:00+02:00", NOW),
    "of the first year": ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
    "of the last year": ("8999-12-31T23:59:59Z", datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC)),
}


@pytest.mark.parametrize(("raw", "time"), TIMES.values(), ids=TIMES)
def test_a_time(raw: str, time: datetime) -> None:
    assert parse_time(raw) == time


NO_TIMES: tuple[object, ...] = (
    *(None, True, 7, 1.5, [], {}),
    *("", "now", "12:00:00Z", "2026-11-23T12:00:00", "2026-13-45T99:99:99Z"),
    *("0001-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "9000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"),
)


@pytest.mark.parametrize("raw", NO_TIMES)
def test_what_is_no_usable_time_is_refused(raw: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        parse_time(raw)


@given(st.datetimes(datetime(2000, 1, 1), datetime(8999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 -- `timezones`
def test_a_time_is_parsed_as_it_was_written(time: datetime) -> None:
    assert parse_time(format_exact_time(time)) == time
    assert parse_time(format_time(time)) == time.replace(microsecond=0)


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    there = datetime.fromisoformat("2026-11-23T14:00:00.5+02:00")
    assert format_time(there) == "2026-11-23T12:00:00Z"
    assert format_exact_time(there) == "2026-11-23T12:00:00.500000Z"


def test_an_infinite_number_is_no_number() -> None:
    endless = dict.fromkeys(("visible", "inFlight", "delayed", "total"), float("inf"))
    raw = {"backlog": endless | {"time": "2026-11-23T12:00:00Z"}, "memory": {"changes": [{"time": "x", "by": 1}]}}
    assert PoolStatus.parse(raw) == PoolStatus()
    change = {"time": "2026-11-23T12:00:00Z", "by": float("inf")}
    assert PoolStatus.parse({"memory": {"changes": [change]}}) == PoolStatus()


def test_a_time_is_written_as_kubernetes_writes_it() -> None:
    late = NOW + timedelta(microseconds=987_654)
    assert format_time(late) == "2026-11-23T12:00:00Z"
    assert format_exact_time(late) == "2026-11-23T12:00:00.987654Z"


# Statuses

STORED: dict[str, Any] = json.loads(json.dumps(status_of(observe(scaled_from=9))))
# JSON, in which there is no infinity.
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
WRONG = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=2)
TEXTS = st.sampled_from(["2026-11-23T12:00:00Z", "2026-11-23T12:00:00", "Ready", "", "4"])


def nearly(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows, in which any part may be missing or wrong."""
    right: st.SearchStrategy[Any] = TEXTS if schema["type"] == "string" else st.integers()
    if schema["type"] == "object":
        right = st.fixed_dictionaries({}, optional={name: nearly(each) for name, each in schema["properties"].items()})
        right |= st.fixed_dictionaries({name: nearly(each) for name, each in schema["properties"].items()})
    elif schema["type"] == "array":
        right = st.lists(nearly(schema["items"]), max_size=2)
    return st.one_of(right, right, right, WRONG)


FIELDS = pool_schema()["properties"]["status"]["properties"]
STATUSES = st.fixed_dictionaries({}, optional={name: nearly(each) for name, each in FIELDS.items()})


@given(STATUSES)
@example({"conditions": [{"type": "Ready", "status": "True", "reason": None, "message": None}]})
def test_no_stored_status_makes_parsing_or_writing_raise(raw: dict[str, Any]) -> None:
    status = PoolStatus.parse(raw)
    assert status.stored is raw
    assert PoolStatus.parse(status.dump()) == status
    assert all(status.condition(kind) is None or raw["conditions"] for kind in ConditionType)


def test_a_decision_without_words_is_absent() -> None:
    step = {"replicas": 1, "reason": "Scheduled", "message": "why"}
    for nothing in ({"reason": None}, {"message": None}, {"trail": [step | {"message": None}]}):
        raw = {"reason": "Scheduled", "message": "why", "trail": [step]} | nothing
        assert PoolStatus.parse({"lastDecision": raw}).last_decision is None


def test_an_empty_status_says_nothing() -> None:
    status = PoolStatus.parse({})
    assert status == PoolStatus()
    assert (status.memory, status.conditions, status.backlog, status.dump()) == (Memory(), (), None, {})


@pytest.mark.parametrize("name", STORED)
def test_an_unreadable_field_is_absent_and_spoils_no_other(name: str) -> None:
    status = PoolStatus.parse(STORED | {name: {"nonsense": "x"}}).dump()
    assert status == {other: value for other, value in STORED.items() if other != name}


@pytest.mark.parametrize("value", ["4", 4.0, True, None])
def test_only_an_integer_is_a_number_of_pods(value: object) -> None:
    status = PoolStatus.parse({"replicas": value, "readyReplicas": value, "desiredReplicas": value})
    assert (status.replicas, status.ready_replicas, status.desired_replicas) == (None, None, None)


# Pools


def test_a_pool_names_its_deployment_and_its_interval() -> None:
    found = parse_pool(raw_pool(pollSeconds=7))
    assert isinstance(found, Pool)
    assert (found.scale_target, found.poll_seconds) == (ScaleTarget("shop", "thumbnailer"), 7)
    assert str(found.scale_target) == "shop/thumbnailer"


def test_an_invalid_pool_has_no_deployment_and_a_long_interval() -> None:
    found = parse_pool(raw_pool(pollSeconds="often", mode="Sideways"))
    assert isinstance(found, InvalidPool)
    assert (found.scale_target, found.poll_seconds) == (None, INVALID_POLL_SECONDS)
    assert str(found.error) == "the stored spec does not fit the current CRD; apply the pool again"


def test_an_invalid_pool_keeps_everything_but_its_spec() -> None:
    before = pool(uid="uid-9", generation=4, resource_version=77, status=STORED)
    after = before.invalid(error := SpecInvalidError("why"))
    kept = ("key", "uid", "created", "generation", "resource_version", "status")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert (after.error, after.status.stored) == (error, STORED)


@pytest.mark.parametrize("spec", [{}, {"mode": "Sideways"}], ids=["a pool", "an invalid pool"])
def test_the_status_is_parsed_whatever_the_spec(spec: dict[str, Any]) -> None:
    assert parse_pool(raw_pool(**spec) | {"status": STORED}).status.dump() == STORED
    assert parse_pool(raw_pool(**spec) | {"status": None}).status == PoolStatus()
