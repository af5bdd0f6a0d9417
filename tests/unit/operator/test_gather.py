"""The facts that the operator and `qwp explain` decide from."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.gather import gather
from queueworkerpool.model import UNKNOWN_WRITER, Bounds, Change, Facts, Memory, MemoryOwner, Schedule, digest
from tests.unit.operator.builders import NOW, SPEC, ago, pool, reading, stabilizing
from tests.unit.operator.fakes import target

SCALED = {"lastScaleTime": "2026-11-23T11:59:00Z"}
REPORTED = SCALED | {"replicas": 4}


def test_the_facts_have_everything() -> None:
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
    "another writer after us": (SCALED, ("kubectl", ago(1)), ("kubectl", ago(1))),
    "another writer, at an unknown time": (SCALED, ("keda", None), ("keda", ago(60))),
    "the operator": (SCALED, ("queueworkerpool", ago(1)), None),
    "another writer before our first write": ({}, ("helm", ago(1)), None),
    "nobody, by the API server, and the size is ours": (REPORTED | {"replicas": 10}, None, None),
    "nobody, by the API server, and the size is not ours": (REPORTED, None, (UNKNOWN_WRITER, ago(60))),
    "nobody, by the API server, and we do not know our size": (SCALED, None, None),
    "nobody, by the API server, and we have not written yet": ({"replicas": 4}, None, None),
}


@pytest.mark.parametrize(("status", "writer", "competing_writer"), WRITERS.values(), ids=WRITERS.keys())
def test_the_replicas_were_last_written_by(status: dict[str, Any], writer: Any, competing_writer: Any) -> None:
    assert gather(pool(status=status), target(writer=writer), (), NOW).writer == competing_writer


OURS = ("queueworkerpool", None)
CHANGES: dict[str, tuple[dict[str, Any], Any, tuple[Change, ...]]] = {
    "ours, and the status has an older size": (REPORTED, OURS, (Change(NOW, 6),)),
    "ours, the first": ({"replicas": 4}, OURS, (Change(NOW, 6),)),
    "ours, and the status has it": (REPORTED | {"replicas": 10}, OURS, ()),
    "another writer's": (REPORTED, ("kubectl", ago(1)), ()),
    "perhaps ours: nobody's, by the API server": (REPORTED, None, (Change(NOW, 6),)),
    "ours, and the status has no size": (SCALED, OURS, ()),
    "ours, and the status has a text for a size": (REPORTED | {"replicas": "4"}, OURS, ()),
    "ours, and the status has true for a size": (REPORTED | {"replicas": True}, OURS, ()),
}


@pytest.mark.parametrize(("status", "writer", "changes"), CHANGES.values(), ids=CHANGES.keys())
def test_our_own_change_counts_although_the_process_ended_before_it_wrote_the_status(
    status: dict[str, Any], writer: Any, changes: tuple[Change, ...]
) -> None:
    earlier = Change(ago(60), -2)
    remembered = status | {"memory": Memory(changes=(earlier,)).dump()}
    found = gather(pool(status=remembered), target(10, writer=writer), (), NOW)
    assert found.memory.changes == (earlier, *changes)


def test_the_bounds_are_those_of_the_active_schedules() -> None:
    spec = replace(SPEC, schedules=(Schedule("noon", "0 12 * * *", 3600, min_replicas=4),))
    assert gather(pool(spec=spec), target(), (), NOW).bounds == Bounds(4, 50, ("noon",))
    assert gather(pool(spec=spec), target(), (), ago(1)).bounds == Bounds(0, 50)


def test_an_invalid_schedule_is_reported_by_its_name() -> None:
    spec = replace(SPEC, schedules=(Schedule("noon", "61 12 * * *", 3600, min_replicas=4),))
    with pytest.raises(SpecInvalidError, match=r"^spec\.schedules\[name=noon\]\.cron: "):
        gather(pool(spec=spec), target(), (), NOW)
