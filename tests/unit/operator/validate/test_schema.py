"""Offline validation agrees with a real API server's (tests/cluster), and how it does so."""

import copy
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.validate import Problem, validate
from queueworkerpool.validate.crd import pool_schema
from queueworkerpool.validate.rules import broken_rules
from queueworkerpool.validate.schema import KEYWORDS, Schema, completed
from tests.cluster.operator.pool_manifests import CALM, MORNING, manifest, pool
from tests.cluster.operator.pool_rows import ACCEPTED, REFUSED
from tests.cluster.operator.refused import Row

ROOT = Path(__file__).parents[4]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def problems(text: str) -> list[Problem]:
    return [problem for verdict in validate(text, NOW) for problem in verdict.errors]


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_refused(row: Row) -> None:
    found = [f"{problem.field}: {problem.message}" for problem in problems(row.manifest)]
    assert any(row.field in line and row.fix in line for line in found), found


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(text: str) -> None:
    assert problems(text) == []


def test_every_fault_is_reported_at_once_where_the_api_server_stops_at_unknown_fields() -> None:
    found = problems(pool(maxReplica=5, minReplicas=-1, pollSeconds=0))
    assert [problem.field for problem in found] == ["spec.maxReplica", "spec.minReplicas", "spec.pollSeconds"]


def test_the_rules_are_not_checked_while_a_type_is_wrong_and_that_is_reported() -> None:
    fields = [problem.field for problem in problems(pool(minReplicas=51, mode="Auto"))]
    assert fields == ["spec.mode", "<nil>"]


def test_a_completed_object_has_the_defaults_and_neither_nulls_nor_unknown_fields() -> None:
    raw = {"spec": CALM | {"count": {"inFlight": "Hold", "unknown": 1}, "fallback": None, "minReplicas": None}}
    before = copy.deepcopy(raw)
    spec = completed(raw, pool_schema())["spec"]
    assert spec["count"] == {"inFlight": "Hold", "delayed": "Ignore"}
    assert spec["minReplicas"] == 0
    assert spec["behavior"]["scaleUp"]["selectPolicy"] == "Max"
    assert "fallback" not in spec
    assert raw == before


def test_a_key_that_stands_three_times_is_reported_once() -> None:
    found = problems(pool(schedules=[MORNING] * 3))
    assert [problem.field for problem in found] == ["spec.schedules[1]"]


def test_a_rule_sees_a_whole_number_as_the_schema_types_it() -> None:
    schema = {"type": "number", "x-kubernetes-validations": [{"rule": "self * 2.0 == 2.0"}]}
    assert list(broken_rules(1, schema, "a")) == []
    assert [problem.message for problem in broken_rules(2, schema, "a")] == [
        "Invalid value: 2: failed rule: self * 2.0 == 2.0"
    ]


def test_a_rule_that_cannot_be_evaluated_is_broken() -> None:
    schema = {"type": "object", "x-kubernetes-validations": [{"rule": "self.a > 1", "message": "a must be above 1"}]}
    (problem,) = broken_rules({}, schema, "spec")
    assert problem.field == "spec"
    assert "a" in problem.message


def schemas(schema: Schema) -> Iterator[Schema]:
    yield schema
    for sub in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from schemas(sub)


def test_the_crd_uses_only_supported_keywords() -> None:
    assert {word for schema in schemas(pool_schema()) for word in schema} <= KEYWORDS
    rules = [rule for schema in schemas(pool_schema()) for rule in schema.get("x-kubernetes-validations", ())]
    assert {word for rule in rules for word in rule} <= {"rule", "message", "fieldPath"}
    keyed = [schema for schema in schemas(pool_schema()) if schema.get("x-kubernetes-list-type") == "map"]
    assert [len(schema["x-kubernetes-list-map-keys"]) for schema in keyed] == [1] * len(keyed)


def test_every_rule_is_broken_by_a_row() -> None:
    found = {problem.message for row in REFUSED.values() for problem in problems(row.manifest)}
    rules = [rule for schema in schemas(pool_schema()) for rule in schema.get("x-kubernetes-validations", ())]
    assert [rule["message"] for rule in rules if not any(rule["message"] in message for message in found)] == []


def test_the_wheel_has_the_crd_and_validates_with_it(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path)
    carried = tmp_path / "queueworkerpool" / "queueworkerpools.yaml"
    assert carried.read_bytes() == (ROOT / "crds" / "queueworkerpools.yaml").read_bytes()
    answer = subprocess.run(
        [sys.executable, "-m", "queueworkerpool", "validate", "-f", "-"],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        input=pool(),
        text=True,
        capture_output=True,
        check=True,
    )
    assert answer.stdout == '<stdin>: QueueWorkerPool "p": valid\n'


def test_the_operator_does_not_load_cel() -> None:
    code = "import sys, queueworkerpool.__main__; sys.exit('cel_expr_python' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'common'}"}
    )


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(pool_schema()["properties"]["spec"]["properties"])), values)
def test_no_value_of_a_field_raises(field: str, value: Any) -> None:
    assert len(validate(pool(**{field: value}), NOW)) == 1


@given(values)
def test_no_metadata_raises(value: Any) -> None:
    assert len(validate(manifest(CALM, metadata={"name": "p", "labels": value, "annotations": value}), NOW)) == 1
