"""Namespaces that are forbidden before or while they are watched: each is told of, and costs no other."""

import asyncio
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


async def until_refused(served: Namespaces, names: set[str]) -> None:
    async with asyncio.timeout(60):
        while served.refused() != names:  # noqa: ASYNC110 -- what changes is a plain set, which tells nobody
            await asyncio.sleep(0)


@pytest.mark.parametrize(("names", "name"), [(("a", "b"), "b"), ((), "")])
async def test_a_namespace_that_is_forbidden_while_it_is_watched_is_told_of_and_comes_back(
    names: tuple[str, ...], name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(namespaces, "RECHECK_SECONDS", 0.01)
    server = FakeServer()
    served = Namespaces(names, server, asyncio.Event(), lambda: server.refusals)
    assert await served.listable() == names
    assert served.refused() == set()
    async with served.end_when_changed() as end:
        server.forbid(name)
        await until_refused(served, {name})
        server.forbid()
        await until_refused(served, set())
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

    served = Namespaces(("a",), server, asyncio.Event(), refusals)
    await served.listable()
    async with served.end_when_changed(), asyncio.timeout(60):
        await done.wait()
    assert server.asked == 1


async def test_one_that_was_refused_from_the_start_ends_the_run_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(namespaces, "RECHECK_SECONDS", 0.01)
    server = FakeServer({"b"})
    served = Namespaces(("a", "b"), server, asyncio.Event(), lambda: server.refusals)
    assert await served.listable() == ("a",)
    assert served.refused() == {"b"}
    async with served.end_when_changed() as end, asyncio.timeout(60):
        server.forbid()
        await end.wait()
