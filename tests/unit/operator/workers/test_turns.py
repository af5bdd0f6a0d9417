"""Who gets the next place, on fake loop time."""

import asyncio
from collections import Counter

import pytest

from queueworkerpool.workers.turns import Turns

SECONDS = 1.0


async def use(turns: Turns, owner: str, order: list[str]) -> None:
    async with turns.turn(owner):
        order.append(owner)
        await asyncio.sleep(SECONDS)


async def run(turns: Turns, owners: str) -> str:
    """Ask for a turn of each owner, all at once; return the order in which they had it."""
    order: list[str] = []
    await asyncio.gather(*(use(turns, owner, order) for owner in owners))
    return "".join(order)


ORDERS = {
    "those who come first are served first": (9, 9, "aabbc", "aabbc"),
    "one at a time: the owners that wait take turns": (1, 1, "aaaabbcd", "aabcdaba"),
    "an owner has its share and no more": (4, 2, "aaaaaabb", "aabbaaaa"),
    "a late owner is next, whoever waits": (2, 2, "aaaaaaaab", "aabaaaaaa"),
}


@pytest.mark.looptime
@pytest.mark.parametrize(("places", "share", "owners", "order"), ORDERS.values(), ids=ORDERS)
async def test_the_order(places: int, share: int, owners: str, order: str) -> None:
    assert await run(Turns(places, share), owners) == order


@pytest.mark.looptime
async def test_no_more_than_the_places_are_used_and_all_of_them() -> None:
    turns, loop = Turns(4, 3), asyncio.get_running_loop()
    await run(turns, "a" * 6 + "b" * 6)
    assert loop.time() == 3 * SECONDS


@pytest.mark.looptime
async def test_whoever_gives_up_leaves_its_place_to_the_others() -> None:
    turns, order = Turns(1, 1), list[str]()
    tasks = [asyncio.create_task(use(turns, owner, order)) for owner in "abc"]
    await asyncio.sleep(SECONDS / 2)
    tasks[0].cancel()  # in its place
    tasks[1].cancel()  # waiting
    await asyncio.wait(tasks)
    assert order == ["a", "c"]
    assert asyncio.get_running_loop().time() == 1.5 * SECONDS


@pytest.mark.looptime
async def test_whoever_gives_up_at_the_moment_of_its_turn_keeps_nothing() -> None:
    turns, order = Turns(1, 1), list[str]()
    first, second = (asyncio.create_task(use(turns, owner, order)) for owner in "ab")
    await first
    second.cancel()
    await asyncio.wait([second])
    await use(turns, "c", order)
    assert order[-1] == "c"


@pytest.mark.looptime
async def test_nothing_is_kept_of_owners_that_are_gone() -> None:
    turns = Turns(2, 1)
    await run(turns, "abcabc")
    assert (turns._held, turns._waiting, turns._free) == (Counter(), {}, 2)
