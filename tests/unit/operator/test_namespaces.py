"""Namespaces that are forbidden before or while they are watched: each is told of, and costs no other."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from queueworkerpool.watch import namespaces
from queueworkerpool.watch.namespaces import Namespaces


@dataclass
class FakeServer:
    """Refuses some namespaces; a watch of one that it refuses counts as a refusal."""

    forbidden: set[str] = field(default_factory=set)
    refusals: int = 0
    asked: int = 0

    async def may_list_pools(self, namespace: str) -> bool:
        self.asked += 1
        return namespace not in self.forbidden

    def forbid(self, *names: str) -> None:
        self.forbidden = set(names)
        self.refusals += 1


class Shown:
    """What the metrics were told last."""

    def __init__(self) -> None:
        self.states: Mapping[str, bool] = {}
        self._arrived = asyncio.Event()

    def __call__(self, states: Mapping[str, bool]) -> None:
        self.states = states
        self._arrived.set()

    async def becomes(self, states: Mapping[str, bool]) -> None:
        async with asyncio.timeout(5):
            while self.states != states:
                self._arrived.clear()
                await self._arrived.wait()


@pytest.mark.parametrize(("names", "name"), [(("a", "b"), "b"), ((), "")])
async def test_a_namespace_that_is_forbidden_while_it_is_watched_is_told_of_and_comes_back(
    names: tuple[str, ...], name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(namespaces, "RECHECK_SECONDS", 0.01)
    server, shown = FakeServer(), Shown()
    served = Namespaces(names, server, asyncio.Event(), lambda: server.refusals, shown)
    all_served = dict.fromkeys(names or ("",), True)
    assert await served.listable() == names
    assert shown.states == all_served
    async with served.end_when_changed() as end:
        server.forbid(name)
        await shown.becomes(all_served | {name: False})
        server.forbid()
        await shown.becomes(all_served)
        assert not end.is_set()  # kopf goes on with it by itself
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["pools cannot be listed any more"]


async def test_while_no_watch_is_refused_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle cluster costs no requests."""
    monkeypatch.setattr(namespaces, "RECHECK_SECONDS", 0.0)
    server, rounds = FakeServer(), 0
    done = asyncio.Event()

    def refusals() -> int:
        nonlocal rounds
        rounds += 1
        if rounds > 10:
            done.set()
        return 0

    served = Namespaces(("a",), server, asyncio.Event(), refusals, lambda _: None)
    await served.listable()
    async with served.end_when_changed(), asyncio.timeout(5):
        await done.wait()
    assert server.asked == 1


async def test_one_that_was_refused_from_the_start_ends_the_run_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(namespaces, "RECHECK_SECONDS", 0.01)
    server, shown = FakeServer({"b"}), Shown()
    served = Namespaces(("a", "b"), server, asyncio.Event(), lambda: server.refusals, shown)
    assert await served.listable() == ("a",)
    assert shown.states == {"a": True, "b": False}
    async with served.end_when_changed() as end, asyncio.timeout(5):
        server.forbid()
        await end.wait()
