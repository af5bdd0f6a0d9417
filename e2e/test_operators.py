"""Operators on nodes: they spread, hand the lead over, and outlive the loss of a pod and of a node."""

import logging
import time
from collections.abc import Iterator

import pytest

from e2e import release
from e2e.pools import Pool, pool_of_its_own
from e2e.world import RELEASE, SYSTEM, World, eventually
from queueworkerpool.leader.lease import LEASE_DURATION_SECONDS

logger = logging.getLogger(__name__)
ORDERLY_SECONDS = LEASE_DURATION_SECONDS
"""Within what time another operator leads after the leader was stopped in order: no Lease has to expire. The chart's
README says 3 s, which the benchmark `takeover` measures."""
ROLLOUT_SECONDS = 180


@pytest.fixture
def one(world: World) -> Iterator[World]:
    """A world with one operator, as the README installs it; also afterwards."""
    with release.restored(world):
        yield world


@pytest.fixture
def two(one: World) -> World:
    """A world with two operators."""
    release.upgrade(one, "--set", "replicaCount=2")
    release.wait_for_leader(one, seconds=release.READY_SECONDS)
    return one


@pytest.fixture
def pool(world: World) -> Iterator[Pool]:
    with pool_of_its_own(world, "decided") as made:
        yield made


def decide_until_rolled_out(world: World, pool: Pool) -> list[float]:
    """Change the pool time and again until a rolling update has ended; return how long each decision took."""
    took = []
    end = time.monotonic() + ROLLOUT_SECONDS
    while not release.rolled_out(world):
        assert time.monotonic() < end, "the rolling update does not end"
        took.append(pool.decide(release.READY_SECONDS))
    return took


@pytest.mark.usefixtures("two")
def test_of_two_operators_each_is_on_a_node_of_its_own_and_one_leads(world: World) -> None:
    pods = release.operators(world)
    assert len(pods) == len(set(release.nodes_of(pods))) == 2, release.nodes_of(pods)
    assert world.leader() in release.ready_operators(world)


@pytest.mark.usefixtures("two")
def test_a_rolling_update_spreads_the_new_operators_and_leaves_the_lead_vacant_for_seconds(
    world: World, pool: Pool
) -> None:
    before = {pod["metadata"]["name"] for pod in release.operators(world)}
    with release.observed_election(world) as election:
        release.restart(world)
        took = decide_until_rolled_out(world, pool)
        release.wait_for_leader(world, *before, seconds=release.READY_SECONDS)
    pods = release.operators(world)
    logger.info("lead vacant: %s; of %d decisions the longest took %.1f s", election.vacancies, len(took), max(took))
    assert not before & {pod["metadata"]["name"] for pod in pods}
    assert len(set(release.nodes_of(pods))) == 2, release.nodes_of(pods)
    assert 0 < max(election.vacancies) < ORDERLY_SECONDS


@pytest.mark.usefixtures("one")
def test_the_only_operator_hands_the_lead_to_the_one_that_an_update_brings(world: World, pool: Pool) -> None:
    with release.observed_election(world) as election:
        release.restart(world)
        took = decide_until_rolled_out(world, pool)
        [left] = release.operators(world)
        eventually(lambda: world.leader() == left["metadata"]["name"], release.READY_SECONDS, "the hand-over")
    logger.info("lead vacant: %s; of %d decisions the longest took %.1f s", election.vacancies, len(took), max(took))
    assert len(election.holders) == 2
    assert max(election.vacancies) < ORDERLY_SECONDS


@pytest.mark.usefixtures("two")
def test_when_the_leaders_pod_is_deleted_the_other_operator_leads_within_seconds(world: World, pool: Pool) -> None:
    leader = world.leader()
    with release.observed_election(world) as election:
        world.kubectl("-n", SYSTEM, "delete", "pod", leader, "--wait=false")
        took = release.wait_for_leader(world, leader, seconds=release.READY_SECONDS)
    logger.info("another leads %.1f s after kubectl returned; lead vacant: %s", took, election.vacancies)
    assert election.holders[0] == leader
    assert max(election.vacancies) < ORDERLY_SECONDS
    pool.decide(release.READY_SECONDS)
    eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "the second operator")


def other_nodes(world: World, *names: str) -> list[str]:
    """Return the nodes that take pods, without these."""
    nodes = [node["metadata"]["name"] for node in world.get("nodes") if not node["spec"].get("taints")]
    return [name for name in nodes if name not in names]


@pytest.fixture
def node(two: World) -> Iterator[str]:
    """A node that has both operators, and not the stand-in for SQS, which would lose its queues."""
    world = two
    [queues] = world.pods("app=sqs")
    chosen, *others = other_nodes(world, queues["spec"]["nodeName"])
    others.append(queues["spec"]["nodeName"])
    try:
        world.kubectl("cordon", *others)
        release.restart(world)
        eventually(lambda: release.rolled_out(world), ROLLOUT_SECONDS, "the move to one node")
        world.kubectl("uncordon", *others)
        yield chosen
    finally:
        world.kubectl("uncordon", chosen, *others)


def test_the_drain_of_a_node_with_both_operators_leaves_one_of_them_ready_all_the_time(
    node: str, world: World, pool: Pool
) -> None:
    assert release.nodes_of(release.operators(world)) == [node, node]
    available = ("get", "deployment", RELEASE, "--watch", "-o=jsonpath={.status.availableReplicas}{'\\n'}")
    with release.observed_election(world) as election, world.watched("-n", SYSTEM, *available) as counts:
        begun = time.monotonic()
        world.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s")
        drained = time.monotonic() - begun
        pool.decide(release.READY_SECONDS)
        eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "two operators elsewhere")
    logger.info("drained in %.1f s; lead vacant: %s; available: %s", drained, election.vacancies, counts)
    assert node not in release.nodes_of(release.operators(world))
    assert all(count and int(count) >= 1 for count in counts), counts
    assert len(election.holders) >= 2
    assert max(election.vacancies) < ORDERLY_SECONDS
