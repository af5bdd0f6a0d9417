"""Which shard a pool belongs to, who claims a free one first, and who asks for one of another's."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.errors import NotLeadingError
from queueworkerpool.leader.fence import Fence, no_fence
from queueworkerpool.leader.shard_fences import ShardFences
from queueworkerpool.leader.shards import (
    LONGEST_PATIENCE_SECONDS,
    MOST_SHARDS,
    PATIENCE_SECONDS,
    Wish,
    gives,
    patience_seconds,
    shard_of,
    wanted,
)

NAMES = [f"team-{number % 7}/pool-{number}" for number in range(8_000)]

WHERE = {"shop/orders": 2, "shop/mails": 3, "team-a/thumbnails": 1, "team-b/thumbnails": 2}


@pytest.mark.parametrize(("name", "shard"), WHERE.items(), ids=WHERE)
def test_a_pool_belongs_for_ever_to_the_shard(name: str, shard: int) -> None:
    """Processes of several releases run side by side in an update: this may only change together with the number."""
    assert shard_of(name, 4) == shard


@given(st.text(min_size=1), st.integers(1, MOST_SHARDS - 1))
def test_a_further_shard_takes_pools_and_moves_none_between_the_others(name: str, shards: int) -> None:
    assert shard_of(name, shards + 1) in {shard_of(name, shards), shards}


@pytest.mark.parametrize("shards", [1, 2, 3, 4, 7, 15])
def test_a_further_shard_takes_its_share_of_the_pools(shards: int) -> None:
    moved = sum(shard_of(name, shards) != shard_of(name, shards + 1) for name in NAMES)
    assert moved / len(NAMES) == pytest.approx(1 / (shards + 1), rel=0.12)


@pytest.mark.parametrize("shards", [2, 4, 16])
def test_shards_have_about_as_many_pools_each(shards: int) -> None:
    sizes = Counter(shard_of(name, shards) for name in NAMES)
    assert sorted(sizes) == list(range(shards))
    assert max(sizes.values()) / min(sizes.values()) < 1.3


@pytest.mark.parametrize(
    ("held", "seconds"), [(0, 0.0), (1, PATIENCE_SECONDS), (2, 1.0), (9, LONGEST_PATIENCE_SECONDS)]
)
def test_a_free_shard_is_left_to_others_for(held: int, seconds: float) -> None:
    assert patience_seconds(held) == seconds


WANTED = {
    "all are held by one: its last": (["b", "b", "b"], 2),
    "one holds two more than this process: its last": (["b", "a", "b", "b"], 3),
    "of two that hold as many: of the one whose name comes last": (["c", "b", "c", "b"], 2),
    "one holds one more: none": (["b", "a", "b"], None),
    "each holds one: none, although this process holds none": (["b", "c"], None),
    "it holds most itself: none": (["a", "a", "b"], None),
    "one is free: none, it can be claimed": (["b", "", "b"], None),
}


@pytest.mark.parametrize(("holders", "shard"), WANTED.values(), ids=WANTED)
def test_the_shard_that_a_process_asks_for(holders: Sequence[str], shard: int | None) -> None:
    assert wanted(holders, "a") == shard


WISH = Wish(2, "b", "2026-11-23T12:00:00.000000Z")

GIVEN = {
    "one of two that it holds": (WISH, [1, 2], True),
    "the only one that it holds: not": (WISH, [2], False),
    "one that it does not hold: not": (WISH, [0, 1], False),
    "its own wish: not": (Wish(2, "a", "now"), [1, 2], False),
    "no wish: not": (None, [1, 2], False),
}


@pytest.mark.parametrize(("wish", "held", "given"), GIVEN.values(), ids=GIVEN)
def test_a_process_gives_away(wish: Wish | None, held: Sequence[int], given: bool) -> None:
    assert gives(wish, held, "a") is given


@pytest.mark.parametrize("text", ["", "2", "2 now", "x now b", "-1 now b", " 2 now b"])
def test_a_wish_that_makes_no_sense_is_none(text: str) -> None:
    assert Wish.parse(text) is None


def test_a_wish_is_read_as_it_was_written() -> None:
    assert Wish.parse(str(WISH)) == WISH


def test_a_write_passes_the_fence_of_its_shard_alone() -> None:
    fences = ShardFences([no_fence(), Fence(lambda: 0.0)])
    assert fences.held == (0,)
    with fences.writing_for(0), fences.passage():
        fences.check()
    with fences.writing_for(1), pytest.raises(NotLeadingError), fences.passage():
        pass
    with pytest.raises(NotLeadingError, match="belongs to no shard"):
        fences.check()


def test_without_shards_every_write_passes_the_only_fence() -> None:
    fences = ShardFences([no_fence()])
    fences.check()
    assert fences.of(("shop", "orders")) == 0


def test_a_fence_within_another_is_open_while_both_are() -> None:
    outer = Fence(lambda: 0.0)
    inner = Fence(lambda: 0.0, outer)
    seen = []
    for fence, until in ((inner, 1.0), (outer, 1.0), (outer, -1.0)):
        fence.open_until(until)
        seen.append(inner.is_open)
    assert seen == [False, True, False]
