"""An operator whose custom resource definition is older: the API server leaves out what that one does not have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from queueworkerpool.model import PoolStatus, StoredPool
from queueworkerpool.model.pruning import completed, lost, names
from queueworkerpool.scheduler import PoolStore
from tests.unit.operator.builders import pool, reading
from tests.unit.operator.fakes import FakeDependencies, merged, target

LOST = {"belongsTo", "heldSince"}


@dataclass
class OlderDefinition(FakeDependencies):
    """The API server leaves out two fields of the memory, and a write that changes nothing makes no new version."""

    writes: int = 0

    async def write_status(self, pool: StoredPool, patch: Mapping[str, Any]) -> StoredPool:
        assert self.stored
        self.writes += 1
        before = self.stored.status.stored
        after = merged(patch, before)
        after["memory"] = {name: value for name, value in after.get("memory", {}).items() if name not in LOST}
        version = self.stored.resource_version + (after != before)
        self.stored = replace(pool, resource_version=version, status=PoolStatus.parse(after, patch))
        return self.stored


async def test_what_the_api_server_leaves_out_is_written_once_and_known_all_the_same() -> None:
    fake = OlderDefinition(deployment=target(20, rolling_out=True))
    await fake.tick()
    assert fake.writes == 1
    assert fake.stored
    since = fake.stored.status.memory.held_since
    assert (since, LOST & set(fake.status["memory"])) == (fake.now, set())
    for _ in range(3):
        fake.later(5)
        await fake.tick()
    assert fake.writes == 1, "there is nothing new"
    assert fake.stored.status.memory.held_since == since, "a hold has to end"


async def test_with_a_newer_definition_the_next_write_brings_what_was_left_out() -> None:
    fake = OlderDefinition()
    await fake.tick()
    assert fake.stored
    newer = FakeDependencies(stored=fake.stored, now=fake.now)
    newer.queues = dict.fromkeys(newer.queues, reading(0, 99))
    await newer.tick()
    assert "belongsTo" in newer.status["memory"]


async def test_a_write_that_changed_nothing_is_stored_for_what_it_shows() -> None:
    bare = pool(status={"memory": {}})
    shows = replace(bare, status=PoolStatus.parse({"memory": {}}, {"memory": {"heldSince": "2026-11-23T12:00:00Z"}}))
    pools = PoolStore()
    pools.put(bare)
    assert pools.put(shows)
    assert not pools.put(bare), "the watch, which shows less"
    assert pools.get(bare.key) is shows


@pytest.mark.parametrize(
    ("sent", "answer", "missing"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1.0, "b": None}, {"a": 1}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {}, {"a": {"b": 1}}),
        ({"a": {"b": None}}, {}, {}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}),
        ({"a": 1}, {"a": 1, "z": 2}, {}),
    ],
)
def test_what_is_lost(sent: dict[str, Any], answer: dict[str, Any], missing: dict[str, Any]) -> None:
    assert lost(sent, answer) == missing
    assert lost(sent, completed(answer, missing)) == {}


def test_the_names_of_what_is_lost() -> None:
    assert names({"memory": {"belongsTo": {"queues": "0"}, "heldSince": "t"}, "x": 1, "y": {}}) == [
        "memory.belongsTo.queues",
        "memory.heldSince",
        "x",
        "y",
    ]
