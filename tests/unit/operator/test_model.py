"""Raw objects are parsed once; what does not fit is reported, not guessed."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import (
    BusyWorkers,
    Change,
    CompetingWriter,
    Fallback,
    InFlight,
    InvalidPool,
    Memory,
    MemoryOwner,
    Mode,
    Pool,
    PoolSpec,
    QueueRef,
    ScaleUpStabilization,
    ScalingRules,
    Schedule,
    Select,
    parse_pool,
)
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import (
    NOW,
    SPEC,
    URL,
    ago,
    empty,
    percent_policy,
    pods_policy,
    raw_pool,
    reading,
    rules,
)

SCALE_IN = raw_pool()["spec"]["scaleIn"]
CRD = Path(__file__).parents[3] / "crds" / "queueworkerpools.yaml"


def schema(part: str) -> dict[str, Any]:
    version = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]
    return dict(version["schema"]["openAPIV3Schema"]["properties"][part])


def test_a_stored_pool_is_parsed_whole() -> None:
    found = parse_pool(raw_pool())
    assert isinstance(found, Pool)
    assert found.spec == SPEC


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        ({"mode": "DryRun"}, "mode", Mode.DRY_RUN),
        ({"scaleToZeroAfterSeconds": 90}, "scale_to_zero_after_seconds", 90),
        ({"activeMinReplicas": 3}, "active_min_replicas", 3),
        ({"idlePollSeconds": 300}, "idle_poll_seconds", 300),
        ({"pausedUntil": "2026-11-23T13:00:00+01:00"}, "paused_until", NOW),
        ({"count": {"inFlight": "Ignore", "delayed": "Count"}}, "count_delayed", True),
        ({"count": {"inFlight": "Hold", "delayed": "Ignore"}}, "in_flight", InFlight.HOLD),
        ({"target": {"latencySeconds": 60}}, "target", Latency(60)),
        (
            {"target": {"latencySeconds": 60, "serviceSeconds": 0.5, "startupSeconds": 20}},
            "target",
            Latency(60, 0.5, 20),
        ),
        ({"scaleIn": SCALE_IN | {"statePort": 9000}}, "state_port", 9000),
        ({"scaleIn": SCALE_IN | {"busyWorkers": "Drain"}}, "busy_workers", BusyWorkers.DRAIN),
        ({"scaleIn": SCALE_IN | {"maxWaitSeconds": 60}}, "max_wait_seconds", 60),
        (
            {"fallback": {"afterSeconds": 300, "replicas": 3, "when": "IfHigher"}},
            "fallback",
            Fallback(300, 3, only_if_higher=True),
        ),
        (
            {"fallback": {"afterSeconds": 300, "replicas": 3, "when": "Always"}},
            "fallback",
            Fallback(300, 3, only_if_higher=False),
        ),
        (
            {
                "schedules": [
                    {"name": "day", "cron": "0 9 * * *", "durationSeconds": 60, "timeZone": "UTC", "minReplicas": 1}
                ]
            },
            "schedules",
            (Schedule("day", "0 9 * * *", 60, "UTC", 1),),
        ),
        (
            {
                "behavior": {
                    "scaleUp": {
                        "stabilizationWindowSeconds": 30,
                        "selectPolicy": "Min",
                        "tolerance": 0.1,
                        "policies": [
                            {"type": "Pods", "value": 4, "periodSeconds": 15},
                            {"type": "Percent", "value": 50, "periodSeconds": 60},
                        ],
                    },
                    "scaleDown": {},
                }
            },
            "scale_up",
            rules(pods_policy(4, 15), percent_policy(50, 60), select=Select.MIN, seconds=30, tolerance=0.1),
        ),
        ({"behavior": {"scaleUp": {}, "scaleDown": {}}}, "scale_down", ScalingRules()),
        ({"queues": [{"url": URL, "region": "eu-west-3"}]}, "queues", (QueueRef(URL, "eu-west-3"),)),
    ],
)
def test_a_field_is_parsed(raw: dict[str, Any], name: str, value: object) -> None:
    assert getattr(PoolSpec.parse(raw_pool(**raw)["spec"]), name) == value


@pytest.mark.parametrize("missing", sorted(raw_pool()["spec"]))
def test_a_missing_field_is_reported_by_its_name(missing: str) -> None:
    spec = {name: value for name, value in raw_pool()["spec"].items() if name != missing}
    with pytest.raises(SpecInvalidError, match=missing):
        PoolSpec.parse(spec)


@pytest.mark.parametrize("wrong", [{"mode": "Sideways"}, {"queues": 7}, {"target": None}])
def test_a_wrong_field_makes_the_pool_invalid(wrong: dict[str, Any]) -> None:
    assert isinstance(parse_pool(raw_pool(**wrong)), InvalidPool)


OPTIONAL = {
    "activeMinReplicas",
    "fallback",
    "idlePollSeconds",
    "pausedUntil",
    "scaleToZeroAfterSeconds",
    "schedules",
}


def test_every_spec_field_of_the_crd_is_parsed() -> None:
    assert set(schema("spec")["properties"]) == set(raw_pool()["spec"]) | OPTIONAL


def test_the_defaults_of_the_code_are_those_of_the_crd() -> None:
    properties = schema("spec")["properties"]
    assert SPEC.min_replicas == properties["minReplicas"]["default"]
    assert SPEC.activation_messages == properties["activationMessages"]["default"]
    assert SPEC.poll_seconds == properties["pollSeconds"]["default"]
    assert SPEC.scale_to_zero_after_seconds is properties["scaleToZeroAfterSeconds"].get("default")
    scale_in = properties["scaleIn"]["properties"]
    assert SPEC.state_port == scale_in["statePort"]["default"]
    assert SPEC.busy_workers == scale_in["busyWorkers"]["default"]
    assert SPEC.max_wait_seconds == scale_in["maxWaitSeconds"]["default"]


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"scaleDownStabilization": {"since": "soon", "highest": 1}},
        {"scaleDownStabilization": {"highest": 1}},
        {"scaleDownStabilization": 7},
        {"emptySince": 7},
    ],
)
def test_an_unreadable_memory_is_forgotten(raw: dict[str, Any]) -> None:
    assert Memory.parse(raw) == Memory()


def test_a_memory_is_parsed_as_it_was_written() -> None:
    memory = replace(
        empty(30),
        scale_up_stabilization=ScaleUpStabilization(ago(9), 3),
        changes=(Change(ago(8), -2, ago(9)),),
        activation_pending_since=ago(7),
        unreadable_since=ago(6),
        waiting_since=ago(5),
        held_since=ago(4),
        competing_writer=CompetingWriter("kubectl", 2, ago(5)),
        workers=WorkerEstimates(0.5, 4, 12, 100, 2, 3.5),
        quiet_spells=(12.5, 2400),
        belongs_to=MemoryOwner("uid-1", "uid-2", "digest"),
    )
    raw = memory.dump()
    assert Memory.parse(raw) == memory
    assert raw["emptySince"] == "2026-11-23T11:59:30.000000Z"
    assert set(raw) == set(schema("status")["properties"]["memory"]["properties"])


@pytest.mark.parametrize(
    ("mode", "until", "holds", "pause"),
    [
        (Mode.ACTIVE, ago(-1), Mode.PAUSED, "spec.pausedUntil is 2026-11-23T12:00:01Z"),
        (Mode.DRY_RUN, ago(-1), Mode.PAUSED, "spec.pausedUntil is 2026-11-23T12:00:01Z"),
        (Mode.ACTIVE, NOW, Mode.ACTIVE, None),
        (Mode.DRY_RUN, ago(1), Mode.DRY_RUN, None),
        (Mode.PAUSED, ago(-1), Mode.PAUSED, "spec.mode is Paused"),
        (Mode.PAUSED, ago(1), Mode.PAUSED, "spec.mode is Paused"),
    ],
)
def test_a_pause_ends_at_its_time_and_that_of_the_mode_does_not(
    mode: Mode, until: datetime, holds: Mode, pause: str | None
) -> None:
    found = replace(SPEC, mode=mode, paused_until=until).at(NOW)
    assert found.mode is holds
    assert pause is None or found.pause == pause
    assert (found.paused_until is not None) == ("Until" in (pause or ""))


def test_a_sum_of_readings_is_as_old_as_the_oldest() -> None:
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
