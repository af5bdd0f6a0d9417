"""When a status is worth a write, the patch that writes it, and that it fits the CRD.

The API server silently drops a field that the CRD does not have, so the last matters most.
"""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide
from queueworkerpool.model import Memory, Observation, PoolStatus
from queueworkerpool.report.status import is_worth_writing, next_status, patch
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, pool, reading, stabilizing
from tests.unit.operator.fakes import merged, observe, status_of, stored, target
from tests.unit.operator.strategies import any_facts

CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"
CALM = status_of(observe(), NOW)


def follow(observation: Observation, now: datetime, before: Mapping[str, Any] = CALM) -> dict[str, Any]:
    """The status of a pool that had another one before."""
    return status_of(replace(observation, pool=stored(observation.pool, before)), now)


def worth_writing(before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> bool:
    return is_worth_writing(PoolStatus.parse(before), PoolStatus.parse(after), now)


WORTH: dict[str, Observation] = {
    "a size": observe(target=target(12)),
    "a recommendation": observe({"reading": reading(0, 55)}),
    "a ready pod": observe(target=target(10, ready_replicas=9)),
    "a reason": observe({"replicas": 10, "max_replicas": 10, "reading": reading(0, 99)}),
    "a memory": observe({"reading": reading(0, 20), "memory": stabilizing(5, 4)}),
    "a scaling": observe(scaled_from=9),
    "a condition": observe(target=None),
    "a generation": observe(pool=pool(generation=2)),
}


@pytest.mark.parametrize("observation", WORTH.values(), ids=WORTH.keys())
def test_worth_a_write_at_once(observation: Observation) -> None:
    assert worth_writing(CALM, follow(observation, NOW), NOW)


def test_a_first_status_is_worth_a_write() -> None:
    assert worth_writing({}, CALM, NOW)


def test_a_condition_that_says_nothing_new_is_the_one_before() -> None:
    """Nearly every tick has eight of them, so they must cost little. An edit of the spec is new to all."""
    calm = observe(pool=stored(pool(), CALM))
    assert all(map(operator.is_, next_status(calm, NOW).conditions, calm.pool.status.conditions))
    edited = replace(calm, pool=replace(calm.pool, generation=2))
    assert {condition.observed_generation for condition in next_status(edited, NOW).conditions} == {2}


def test_an_unchanged_status_is_never_worth_a_write() -> None:
    assert not worth_writing(CALM, follow(observe(), ago(-86_400)), ago(-86_400))


@pytest.mark.parametrize(("passed", "worth"), [(0, False), (14, False), (15, True), (600, True), (-14, False)])
def test_counts_alone_are_written_every_fifteen_seconds(passed: float, worth: bool) -> None:
    later = ago(-passed)
    status = follow(observe({"reading": reading(0, 49, time=later)}), later)
    assert status["lastDecision"]["message"] == "49 messages / 5 per pod = 10 pods"
    assert worth_writing(CALM, status, later) is worth


@pytest.mark.parametrize(("back", "worth"), [(15, True), (3600, True), (14, False)])
def test_a_clock_that_was_set_back_does_not_stop_the_writes(back: float, worth: bool) -> None:
    status = follow(observe({"reading": reading(0, 49, time=ago(back))}), ago(back))
    assert worth_writing(CALM, status, ago(back)) is worth


def test_another_reason_for_the_same_size_is_written_at_once() -> None:
    decided = CALM["lastDecision"] | {"reason": "WithinTolerance"}
    assert worth_writing(CALM, CALM | {"lastDecision": decided}, NOW)


def test_what_is_stored_is_not_written_again_although_a_part_of_it_cannot_be_read() -> None:
    too_short = {"workers": {"serviceSeconds": 1e-9}}
    stored, memory = PoolStatus.parse(CALM | {"memory": too_short}), Memory(workers=WorkerEstimates(1e-9))
    assert stored.memory.workers.service_seconds is None
    assert not is_worth_writing(stored, replace(stored, memory=memory), ago(-600))


def test_counts_of_unknown_age_are_written() -> None:
    before = {name: value for name, value in CALM.items() if name != "backlog"}
    assert worth_writing(before, CALM, NOW)


def test_a_patch_names_only_what_changed() -> None:
    later = ago(-60)
    changes = patch(CALM, follow(observe({"reading": reading(0, 49, time=later)}), later))
    assert changes == {
        "backlog": {"inFlight": 49, "total": 49, "time": "2026-11-23T12:01:00Z"},
        "lastDecision": {
            "message": "49 messages / 5 per pod = 10 pods",
            "trail": [{"replicas": 10, "reason": "SizedByBacklog", "message": "49 messages / 5 per pod = 10 pods"}],
        },
    }


def test_without_a_change_the_patch_is_empty() -> None:
    assert patch(CALM, follow(observe(), ago(-60))) == {}


def test_a_patch_writes_what_was_absent_as_a_whole() -> None:
    assert patch({}, {"backlog": {"total": 1}}) == {"backlog": {"total": 1}}
    assert patch({"backlog": {"total": 1}}, {"backlog": 1}) == {"backlog": 1}


def test_a_patch_removes_what_is_absent() -> None:
    before = follow(observe({"reading": reading(0, 20)}), NOW)
    assert patch(before, follow(observe(), NOW, before))["memory"] is None
    assert patch(
        {"memory": {"scaleDownStabilization": 1, "competingWriter": 2}}, {"memory": {"competingWriter": 2}}
    ) == {"memory": {"scaleDownStabilization": None}}


leaves = st.integers(0, 3) | st.text("ab", max_size=1)
values = st.recursive(
    leaves | st.lists(leaves, max_size=2),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=1), inner, max_size=3),
    max_leaves=6,
)
documents = st.dictionaries(st.text("abc", min_size=1, max_size=1), values, max_size=3)


@given(documents, documents)
def test_a_patch_turns_any_document_into_any_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merged(patch(old, new), old) == new


@given(any_facts(), any_facts())
def test_a_patch_turns_any_status_into_the_next(one: Any, other: Any) -> None:
    before, after = (status_of(_observation(state), state.now) for state in (one, other))
    assert merged(patch(before, after), before) == after


def _observation(state: Any) -> Observation:
    counts = tuple(count for count in state.readings if count)
    return Observation(pool(spec=state.spec), target(state.replicas), counts=counts, decision=decide(state))


def misfits(value: object, schema: Mapping[str, Any], path: str = "status") -> Iterator[str]:
    """What in a value the schema does not have, or has as another type."""
    kinds: dict[str, Any] = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    if not isinstance(value, kinds[schema["type"]]):
        yield f"{path}: {value!r} is no {schema['type']}"
    elif isinstance(value, dict):
        yield from (f"{path} lacks {name}" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name} is unknown"
            else:
                yield from misfits(inner, schema["properties"][name], f"{path}.{name}")
    elif isinstance(value, list):
        yield from (f"{path}: too long" for _ in value[schema.get("maxItems", len(value)) :])
        for inner in value:
            yield from misfits(inner, schema["items"], f"{path}[]")


def status_schema() -> Mapping[str, Any]:
    version = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]
    schema: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return schema


SCHEMA = status_schema()


@given(any_facts())
def test_a_status_is_parsed_as_it_was_written(state: Any) -> None:
    written = next_status(replace(_observation(state), scaled_from=state.replicas), state.now)
    assert PoolStatus.parse(written.dump()) == written
    assert PoolStatus.parse(written.dump()).dump() == written.dump()


@given(any_facts())
def test_every_status_fits_the_crd(state: Any) -> None:
    observation = replace(_observation(state), scaled_from=state.replicas)
    assert list(misfits(status_of(observation, state.now), SCHEMA)) == []


@pytest.mark.parametrize(
    "observation", [*WORTH.values(), observe(decision=None), observe(owner=pool().key, decision=None)]
)
def test_a_partial_status_fits_the_crd(observation: Observation) -> None:
    assert list(misfits(follow(observation, NOW), SCHEMA)) == []


def test_times_are_written_as_kubernetes_writes_them() -> None:
    late = NOW + timedelta(microseconds=987_654)
    status = status_of(observe({"reading": reading(0, 50, time=late)}, scaled_from=9), late)
    assert (status["lastScaleTime"], status["backlog"]["time"]) == ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z")
