"""Which pool owns a Deployment, which version of it counts, and our own writes until the watch shows them."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.errors import SpecInvalidError, TargetKindMissingError
from queueworkerpool.model import NamespacedName, Removal, Scale, ScaleTarget, ScaleTargetRef, StoredPool, Target
from queueworkerpool.scheduler import AssumedTargets, PoolStore
from tests.unit.operator.builders import NOW
from tests.unit.operator.scheduler.harness import edited, named

OLD, YOUNG = "2026-11-23T11:00:00Z", "2026-11-23T11:00:01Z"
DEPLOYMENT = ScaleTarget("shop", "thumbnailer")


def store(*pools: StoredPool) -> PoolStore:
    made = PoolStore()
    for pool in pools:
        made.put(pool)
    return made


# Versions


def test_the_newest_version_is_kept_in_whatever_order_they_come() -> None:
    versions = [named("a", version=9), named("a", version=10), named("a", version=100)]
    for order in permutations(versions):
        assert store(*order).get(NamespacedName("shop", "a")) == versions[-1]


def test_only_a_newer_version_is_stored() -> None:
    pools = store(named("a", version=10))
    assert not pools.put(named("a", version=10))
    assert not pools.put(named("a", version=9))
    assert pools.put(named("a", version=11))


def test_a_pool_created_again_replaces_the_one_before_and_never_the_other_way_round() -> None:
    before, again = named("a", uid="uid-1", version=10), named("a", uid="uid-2", version=20)
    pools = store(before, again)
    assert not pools.put(replace(before, resource_version=11))
    assert pools.get(before.key) == again


def test_a_removed_pool_is_unknown() -> None:
    pools = store(named("a"), named("b"))
    pools.remove(NamespacedName("shop", "a"))
    pools.remove(NamespacedName("shop", "never-seen"))
    assert pools.get(NamespacedName("shop", "a")) is None
    assert len(pools) == 1


# Owners

OWNERS: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "the older pool owns it": ({"created": OLD}, {"created": YOUNG}, "a"),
    "the older pool owns it, whatever the names": ({"created": YOUNG}, {"created": OLD}, "b"),
    "of the same age, the lower uid owns it": ({"uid": "uid-1"}, {"uid": "uid-2"}, "a"),
    "the lower uid owns it, whatever the versions": (
        {"uid": "uid-2", "version": 1},
        {"uid": "uid-1", "version": 2},
        "b",
    ),
    "age counts before uid": ({"uid": "uid-2", "created": OLD}, {"uid": "uid-1", "created": YOUNG}, "a"),
    "another Deployment: no conflict": ({"target": "one"}, {"target": "two"}, None),
    "another kind: no conflict": ({"target": "StatefulSet/one"}, {"target": "Deployment/one"}, None),
    "the same kind and name: a conflict": ({"target": "StatefulSet/one"}, {"target": "StatefulSet/one"}, "a"),
    "another namespace: no conflict": ({}, {"key": NamespacedName("other", "b")}, None),
}


@pytest.mark.parametrize(("a", "b", "owner"), OWNERS.values(), ids=OWNERS)
def test_owner(a: dict[str, Any], b: dict[str, Any], owner: str | None) -> None:
    pools = [named("a", **{"target": "shared"} | a), named("b", **{"target": "shared"} | b)]
    for order in permutations(pools):
        known = store(*order)
        for pool in pools:
            expected = None if owner in {None, pool.key.name} else NamespacedName("shop", str(owner))
            assert known.owner(pool) == expected


def test_an_invalid_pool_owns_nothing() -> None:
    pools: list[StoredPool] = [
        named("a", target="shared"),
        named("b", target="shared", created=OLD).invalid(SpecInvalidError("x")),
    ]
    for order in permutations(pools):
        assert [store(*order).owner(pool) for pool in pools] == [None, None]


@given(st.lists(st.tuples(st.sampled_from([OLD, YOUNG]), st.integers(0, 10**6)), min_size=1, unique_by=lambda p: p[1]))
def test_of_any_number_of_pools_exactly_one_owns_the_deployment(drawn: list[tuple[str, int]]) -> None:
    pools = [
        named(f"p{n}", target="shared", created=created, uid=f"{uid:07}") for n, (created, uid) in enumerate(drawn)
    ]
    known = store(*pools)
    owners = {known.owner(pool) or pool.key for pool in pools}
    assert owners == {min(pools, key=lambda pool: (pool.created, pool.uid)).key}
    assert all(len(known.sharing_target(pool)) == len(pools) - 1 for pool in pools)


def test_a_pool_that_changes_its_deployment_no_longer_owns_the_one_before() -> None:
    older, younger = named("older", target="left", created=OLD), named("younger", target="left", created=YOUNG)
    known = store(older, younger)
    known.put(moved := edited(older, scale_target_ref=ScaleTargetRef("right")))
    assert known.owner(younger) is None
    assert known.sharing_target(younger) == []
    assert known.owner(moved) is None


def test_removed_pools_leave_nothing_behind() -> None:
    known = store(*(named(f"p{number}", target=f"d{number % 10}") for number in range(100)))
    for number in range(100):
        known.remove(NamespacedName("shop", f"p{number}"))
    assert len(known) == 0
    assert known._by_target == {}


# Our own writes


@dataclass
class Watch:
    """What the watch shows, and what a `/scale` says."""

    shown: dict[ScaleTarget, Target] = field(default_factory=dict)
    lists: int = 1
    scale: Scale = field(default_factory=lambda: Scale(4, 3, "app=index"))
    reads: int = 0
    gone: set[ScaleTarget] = field(default_factory=set)  # of kinds that the API server serves no longer

    async def listed(self, scale_target: ScaleTarget) -> None:
        assert scale_target in self.shown

    async def read_scale(self, scale_target: ScaleTarget) -> Scale:
        assert scale_target in self.shown
        self.reads += 1
        return self.scale

    def find(self, scale_target: ScaleTarget) -> Target | None:
        if scale_target in self.gone:
            raise TargetKindMissingError("the API server serves no Rollout")
        return self.shown.get(scale_target)


SHOWN = Target(replicas=3, ready_replicas=2, resource_version=10, selector="app=thumbnailer")
WROTE = replace(SHOWN, replicas=9, resource_version=12, writer=("queueworkerpool", NOW))


def test_our_own_write_is_assumed_until_the_watch_shows_it() -> None:
    watch = Watch({DEPLOYMENT: SHOWN})
    targets = AssumedTargets(watch, watch)
    assert targets.find(DEPLOYMENT) == SHOWN
    targets.assume(DEPLOYMENT, WROTE)
    found = targets.find(DEPLOYMENT)
    assert found
    assert (found.replicas, found.resource_version, found.writer) == (9, 12, ("queueworkerpool", NOW))
    watch.shown[DEPLOYMENT] = replace(SHOWN, replicas=9, resource_version=12)
    assert targets.find(DEPLOYMENT) == watch.shown[DEPLOYMENT]


def test_assumed_writes_that_are_never_asked_for_are_forgotten() -> None:
    """Their pools were deleted before the next tick."""
    watch = Watch()
    targets = AssumedTargets(watch, watch)
    for number in range(1000):
        key = ScaleTarget("shop", f"d{number}")
        targets.assume(key, WROTE)
        watch.shown[key] = replace(SHOWN, resource_version=12)
    assert len(targets._assumed) <= 2


def test_an_assumed_write_to_a_kind_that_is_gone_stops_no_write_to_another() -> None:
    gone, watch = ScaleTarget("shop", "canary", "Rollout", "argoproj.io"), Watch({DEPLOYMENT: SHOWN})
    targets = AssumedTargets(watch, watch)
    targets.assume(gone, WROTE)
    watch.gone.add(gone)
    targets.assume(DEPLOYMENT, WROTE)
    found = targets.find(DEPLOYMENT)
    assert found
    assert found.replicas == WROTE.replicas
    assert targets._assumed.keys() == {DEPLOYMENT}


def test_the_readiness_that_the_watch_shows_meanwhile_counts() -> None:
    watch = Watch({DEPLOYMENT: SHOWN})
    targets = AssumedTargets(watch, watch)
    targets.assume(DEPLOYMENT, WROTE)
    watch.shown[DEPLOYMENT] = replace(SHOWN, ready_replicas=3, rolling_out=True, resource_version=11)
    found = targets.find(DEPLOYMENT)
    assert found
    assert (found.replicas, found.ready_replicas, found.rolling_out) == (9, 3, True)


def test_a_later_write_by_another_writer_replaces_ours() -> None:
    watch = Watch({DEPLOYMENT: SHOWN})
    targets = AssumedTargets(watch, watch)
    targets.assume(DEPLOYMENT, WROTE)
    other = replace(SHOWN, replicas=1, resource_version=13, writer=("kubectl", NOW + timedelta(seconds=1)))
    watch.shown[DEPLOYMENT] = other
    assert targets.find(DEPLOYMENT) == other
    watch.shown[DEPLOYMENT] = SHOWN
    assert targets.find(DEPLOYMENT) == SHOWN, "a replaced write of ours does not come back"


def test_a_deleted_deployment_is_unknown_despite_our_write() -> None:
    watch = Watch({DEPLOYMENT: SHOWN})
    targets = AssumedTargets(watch, watch)
    targets.assume(DEPLOYMENT, WROTE)
    del watch.shown[DEPLOYMENT]
    assert targets.find(DEPLOYMENT) is None
    assert targets._assumed == {}


def test_after_a_list_nothing_is_assumed_because_the_api_server_may_have_been_restored() -> None:
    watch = Watch({DEPLOYMENT: SHOWN})
    targets = AssumedTargets(watch, watch)
    targets.find(DEPLOYMENT)
    targets.assume(DEPLOYMENT, WROTE)
    assert targets.find(DEPLOYMENT) != SHOWN
    watch.lists += 1
    assert targets.find(DEPLOYMENT) == SHOWN


def test_a_listed_pool_is_stored_though_it_looks_older_and_a_watched_one_is_not() -> None:
    pools = store(named("a", version=900))
    assert not pools.put(named("a", version=100))
    assert pools.put(named("a", version=100), listed=True)
    assert not pools.put(named("a", version=100), listed=True)


# Kinds that only their `/scale` explains


async def test_what_only_its_scale_explains_is_read_once_for_each_version() -> None:
    bare = Target(0, 0, resource_version=10, removal=Removal.UNKNOWN)
    watch = Watch({DEPLOYMENT: bare})
    targets = AssumedTargets(watch, watch)
    for _ in range(3):
        found = await targets.current(DEPLOYMENT)
        assert found
        assert (found.replicas, found.ready_replicas, found.selector, found.settled) == (4, 3, "app=index", False)
    watch.scale, watch.shown[DEPLOYMENT] = Scale(6, 6, "app=index"), replace(bare, resource_version=11)
    assert (await targets.current(DEPLOYMENT), watch.reads) == (targets.find(DEPLOYMENT), 2)
    assert (found := targets.find(DEPLOYMENT))
    assert (found.replicas, found.resource_version) == (6, 11)


async def test_what_the_object_explains_needs_no_read_of_its_scale() -> None:
    watch = Watch({DEPLOYMENT: SHOWN})
    assert (await AssumedTargets(watch, watch).current(DEPLOYMENT), watch.reads) == (SHOWN, 0)
