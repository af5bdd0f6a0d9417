"""Raw objects become values once; what does not fit is told, not guessed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import Memory, Mode, Pool, PoolSpec, QueueRef
from tests.unit.operator.worlds import SPEC, URL, ago, empty, raw_pool, reading

CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"


def schema(part: str) -> dict[str, Any]:
    version = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]
    return dict(version["schema"]["openAPIV3Schema"]["properties"][part])


def test_a_stored_pool_is_read_whole() -> None:
    assert Pool.parse(raw_pool()).spec == SPEC


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        ({"mode": "DryRun"}, "mode", Mode.DRY_RUN),
        ({"count": {"inFlight": "Ignore", "delayed": "Count"}}, "count_delayed", True),
        ({"queues": [{"url": URL, "region": "eu-west-3"}]}, "queues", (QueueRef(URL, "eu-west-3"),)),
    ],
)
def test_a_field_is_read(raw: dict[str, Any], name: str, value: object) -> None:
    assert getattr(PoolSpec.parse(raw_pool(**raw)["spec"]), name) == value


@pytest.mark.parametrize("missing", sorted(raw_pool()["spec"]))
def test_a_missing_field_is_told_by_its_name(missing: str) -> None:
    spec = {name: value for name, value in raw_pool()["spec"].items() if name != missing}
    with pytest.raises(SpecInvalidError, match=missing):
        PoolSpec.parse(spec)


@pytest.mark.parametrize("wrong", [{"mode": "Sideways"}, {"queues": 7}, {"target": None}])
def test_a_wrong_field_does_not_raise_past_the_pool(wrong: dict[str, Any]) -> None:
    assert isinstance(Pool.parse(raw_pool(**wrong)).spec, SpecInvalidError)


def test_every_spec_field_of_the_crd_is_read() -> None:
    assert set(schema("spec")["properties"]) == set(raw_pool()["spec"])


def test_the_defaults_of_the_code_are_those_of_the_crd() -> None:
    properties = schema("spec")["properties"]
    assert SPEC.min_replicas == properties["minReplicas"]["default"]
    assert SPEC.activation_messages == properties["activationMessages"]["default"]
    assert SPEC.poll_seconds == properties["pollSeconds"]["default"]
    assert SPEC.scale_to_zero_after_seconds == properties["scaleToZeroAfterSeconds"]["default"]
    window = properties["behavior"]["properties"]["scaleDown"]["properties"]["stabilizationWindowSeconds"]
    assert SPEC.scale_down_window_seconds == window["default"]


@pytest.mark.parametrize(
    "raw", [{}, {"lull": {"since": "soon", "peak": 1}}, {"lull": {"peak": 1}}, {"lull": 7}, {"emptySince": 7}]
)
def test_an_unreadable_memory_is_forgotten(raw: dict[str, Any]) -> None:
    assert Memory.parse(raw) == Memory()


def test_a_memory_is_read() -> None:
    raw = {
        "lull": {"since": ago(30).isoformat(), "peak": 0},
        "emptySince": ago(30).isoformat(),
    }
    assert Memory.parse(raw) == empty(30)


def test_readings_add_up_and_are_as_old_as_the_oldest() -> None:
    assert reading(1, 2, 3, ago(5)) + reading(10, 20, 30) == reading(11, 22, 33, ago(5))


def test_every_field_is_described() -> None:
    def undescribed(path: str, node: dict[str, Any]) -> list[str]:
        found = [] if "description" in node or path.count(".") == 0 else [path]
        for name, child in node.get("properties", {}).items():
            found += undescribed(f"{path}.{name}", child)
        items = node.get("items", {})
        return found + [
            problem
            for name, child in items.get("properties", {}).items()
            for problem in undescribed(f"{path}[].{name}", child)
        ]

    assert undescribed("spec", schema("spec")) + undescribed("status", schema("status")) == []
