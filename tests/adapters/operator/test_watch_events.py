"""What the watch of Deployments shows, and what in them is understood."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from queueworkerpool.health import HealthState
from queueworkerpool.model import DEFAULT_WORKLOADS, Target
from queueworkerpool.watch import targets
from queueworkerpool.watch.kinds import watched_kinds
from tests.adapters.operator.conftest import until
from tests.adapters.operator.deployment_server import Server, deployment, found, is_known, serving, watching

WATCHED = watched_kinds(DEFAULT_WORKLOADS)


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    async with serving(tmp_path, monkeypatch) as started:
        yield started


@pytest.fixture
def health() -> HealthState:
    return HealthState(time.monotonic())


async def test_events_change_what_is_known(server: Server, health: HealthState) -> None:
    server.items = [deployment("a", 1)]
    async with watching(health) as index:
        for kind, item in (
            ("ADDED", deployment("b", 2, version=101)),
            ("MODIFIED", deployment("a", 9, version=102)),
            ("DELETED", deployment("b", 2, version=103)),
            ("BOOKMARK", {"metadata": {"resourceVersion": "104"}}),
        ):
            await server.events.put({"type": kind, "object": item})
        await until(lambda: (found(index, "a"), found(index, "b")) == (9, None), "the events were not recorded")
        assert health.readiness_failures(time.monotonic(), WATCHED) == ["queueworkerpools are not listed yet"]


async def test_an_event_may_be_as_large_as_the_largest_deployment_is_in_json(
    server: Server, health: HealthState
) -> None:
    """The API server stores 1.5 MiB, and writes each `<` in it as six characters."""
    server.items = [deployment("a", 1)]
    async with watching(health) as index:
        await server.events.put({"type": "ADDED", "object": deployment("large", 2, version=101, size=10_000_000)})
        await server.events.put({"type": "MODIFIED", "object": deployment("a", 9, version=102)})
        await until(lambda: (found(index, "large"), found(index, "a")) == (2, 9), "the events were not recorded")


async def test_an_event_that_is_too_long_costs_a_list_and_not_the_watch(
    server: Server, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API server would send it again to whoever goes on before it, for ever."""
    monkeypatch.setattr("queueworkerpool.watch.pages.MAX_LINE_BYTES", 100_000)
    server.items = [deployment("a", 1)]
    async with watching(health) as index:
        server.items = [deployment("a", 9, version=102), deployment("large", 2, version=101, size=3_000_000)]
        await server.events.put({"type": "ADDED", "object": server.items[1]})
        await until(lambda: (found(index, "large"), found(index, "a")) == (2, 9), "nothing was listed again")


async def test_a_list_that_is_too_old_each_time_is_not_tried_without_a_pause(
    server: Server, health: HealthState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "RECONNECT_SECONDS", 0.2)
    server.items, server.failures = [deployment("a")], [410] * 5
    began = time.monotonic()
    async with watching(health) as index:
        assert found(index, "a") == 1
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("status", [403, 404])
async def test_a_proxy_that_refuses_in_the_api_servers_place_is_not_believed(
    status: int, server: Server, health: HealthState
) -> None:
    server.items = [deployment("a", 3)]
    async with watching(health) as index:
        await until(lambda: server.watches == 1, "nothing was watched")
        server.items, server.failures = [deployment("a", 5)], [status] * 10
        await server.events.put({"type": "ERROR", "object": {"code": 410}})
        await until(lambda: len(server.lists) >= 4, "nothing was listed again")
        assert found(index, "a") == 3
        await until(lambda: found(index, "a") == 5, "the new list was not recorded")


async def test_a_state_that_was_restored_to_an_older_one_is_believed(server: Server, health: HealthState) -> None:
    server.items, server.version = [deployment("a", 8, version=900)], 900
    async with watching(health) as index:
        before = index.lists
        server.items, server.version = [deployment("a", 2, version=100)], 100
        await server.events.put({"type": "ERROR", "object": {"code": 410}})
        await until(lambda: found(index, "a") == 2, "the older state was not recorded")
        assert index.lists == before + 1


async def test_a_namespace_that_is_refused_is_unknown_costs_the_others_nothing_and_comes_back(
    server: Server, health: HealthState
) -> None:
    server.items = [deployment("a", 4), deployment("a", 6, namespace="gone")]
    server.refused = {"gone"}
    async with watching(health, "shop", "gone") as index:
        assert found(index, "a") == 4
        assert not is_known(index, "gone")
        assert index.deployments
        assert list(index.deployments.unlisted()) == ["gone"]
        server.refused = set()
        await until(lambda: is_known(index, "gone"), "the namespace did not come back")
        assert found(index, "a", "gone") == 6


ODD: dict[str, Callable[[dict[str, Any]], Any]] = {
    "replicas absent": lambda raw: raw["spec"].pop("replicas"),
    "a manager without a name": lambda raw: raw["metadata"].update(
        managedFields=[{"fieldsV1": {"f:spec": {"f:replicas": {}}}, "time": "2026-11-23T12:00:00Z"}]
    ),
    "no status": lambda raw: raw.pop("status", None),
    "a selector by expressions": lambda raw: raw["spec"].update(
        selector={"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}
    ),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
async def test_it_understands(change: Callable[[dict[str, Any]], Any], server: Server, health: HealthState) -> None:
    raw = deployment("a", 1)
    change(raw)
    server.items = [raw]
    async with watching(health) as index:
        assert found(index, "a") == 1


SELECTORS: dict[str, tuple[dict[str, Any], str]] = {
    "labels": ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
    "expressions": (
        {
            "matchLabels": {"a": "1"},
            "matchExpressions": [
                {"key": "t", "operator": "In", "values": ["x", "y"]},
                {"key": "u", "operator": "NotIn", "values": ["z"]},
                {"key": "v", "operator": "Exists"},
                {"key": "w", "operator": "DoesNotExist"},
            ],
        },
        "a=1,t in (x,y),u notin (z),v,!w",
    ),
}


@pytest.mark.parametrize(("raw", "selector"), SELECTORS.values(), ids=SELECTORS)
def test_a_selector_of_every_form_becomes_a_query(raw: dict[str, Any], selector: str) -> None:
    body = deployment("a")
    body["spec"]["selector"] = raw
    assert Target.parse(body).selector == selector


@pytest.mark.parametrize(("differs", "paused"), [({}, False), ({"paused": True}, True), ({"paused": False}, False)])
def test_a_paused_deployment_is_seen(differs: dict[str, Any], paused: bool) -> None:
    body = deployment("a")
    body["spec"] |= differs
    assert Target.parse(body).paused is paused
