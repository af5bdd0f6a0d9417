"""The facts that the operator and `qwp explain` decide from."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.gather import gather
from queueworkerpool.model import Bounds, Change, Facts, Memory, MemoryOwner, Schedule, digest
from tests.unit.operator.builders import NOW, SPEC, ago, pool, reading, stabilizing
from tests.unit.operator.fakes import target

SCALED = {"lastScaleTime": "2026-11-23T11:59:00Z"}


def test_everything_is_brought_together() -> None:
    found = gather(
        pool(status=SCALED | {"memory": stabilizing(30, 7).dump()}),
        target(10, ready_replicas=9, rolling_out=True, writer=("kubectl", ago(1))),
        (reading(5), None),
        NOW,
    )
    assert found == Facts(
        spec=SPEC,
        bounds=Bounds(0, 50),
        replicas=10,
        readings=(reading(5), None),
        memory=replace(stabilizing(30, 7), belongs_to=MemoryOwner("uid-1", "", digest(SPEC.queues))),
        now=NOW,
        ready=9,
        rolling_out=True,
        writer=("kubectl", ago(1)),
    )


WRITERS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "somebody else after us": (SCALED, ("kubectl", ago(1)), ("kubectl", ago(1))),
    "somebody else, nobody knows when": (SCALED, ("keda", None), ("keda", ago(60))),
    "ourselves": (SCALED, ("queueworkerpool", ago(1)), None),
    "somebody else before we ever did": ({}, ("helm", ago(1)), None),
    "nobody that is known": (SCALED, None, None),
}


@pytest.mark.parametrize(("status", "writer", "competing_writer"), WRITERS.values(), ids=WRITERS.keys())
def test_the_replicas_were_written_by(status: dict[str, Any], writer: Any, competing_writer: Any) -> None:
    assert gather(pool(status=status), target(writer=writer), (), NOW).writer == competing_writer


OURS = ("queueworkerpool", None)
TOLD = SCALED | {"replicas": 4}
CHANGES: dict[str, tuple[dict[str, Any], Any, tuple[Change, ...]]] = {
    "ours, and the status tells of an older size": (TOLD, OURS, (Change(NOW, 6),)),
    "ours, and the first": ({"replicas": 4}, OURS, (Change(NOW, 6),)),
    "ours, and the status tells of it": (TOLD | {"replicas": 10}, OURS, ()),
    "somebody else's": (TOLD, ("kubectl", ago(1)), ()),
    "nobody's that is known": (TOLD, None, ()),
    "ours, and the status tells of no size": (SCALED, OURS, ()),
    "ours, and somebody has forged the status": (TOLD | {"replicas": "4"}, OURS, ()),
    "ours, and somebody has forged it otherwise": (TOLD | {"replicas": True}, OURS, ()),
}


@pytest.mark.parametrize(("status", "writer", "changes"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_of_ours_counts_although_we_were_killed_before_the_status_told_of_it(
    status: dict[str, Any], writer: Any, changes: tuple[Change, ...]
) -> None:
    earlier = Change(ago(60), -2)
    remembered = status | {"memory": Memory(changes=(earlier,)).dump()}
    found = gather(pool(status=remembered), target(10, writer=writer), (), NOW)
    assert found.memory.changes == (earlier, *changes)


def test_the_bounds_are_those_of_the_schedules_of_the_hour() -> None:
    spec = replace(SPEC, schedules=(Schedule("noon", "0 12 * * *", 3600, min_replicas=4),))
    assert gather(pool(spec=spec), target(), (), NOW).bounds == Bounds(4, 50, ("noon",))
    assert gather(pool(spec=spec), target(), (), ago(1)).bounds == Bounds(0, 50)


def test_a_schedule_that_makes_no_sense_is_told_by_its_name() -> None:
    spec = replace(SPEC, schedules=(Schedule("noon", "61 12 * * *", 3600, min_replicas=4),))
    with pytest.raises(SpecInvalidError, match=r"^spec\.schedules\[name=noon\]\.cron: "):
        gather(pool(spec=spec), target(), (), NOW)
