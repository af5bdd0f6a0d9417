"""What fails around the operator: names, images, the queues. Sizes stay, reasons tell, and all goes on afterwards."""

import contextlib
import logging
from collections.abc import Iterator

import pytest

from e2e import release
from e2e.pools import READMES_QUEUE, Pool, pool_of_its_own, sqs
from e2e.world import RELEASE, SYSTEM, World, eventually

logger = logging.getLogger(__name__)
NO_SUCH_IMAGE = "localhost/no-such-image:1"
SOON = 60
"""Seconds in which the operator has noticed a change of what it depends on."""
ONE_READING = 75
"""Seconds for a tick whose reading takes as long as one may: names that nobody resolves cost a resolver's time-outs."""


@pytest.fixture
def pool(world: World) -> Iterator[Pool]:
    """A pool of two pods: there are messages for two, and its pods take none."""
    with pool_of_its_own(world, "troubled") as made:
        made.send(40)
        eventually(lambda: made.size() == 2, SOON, "a pool of two")
        yield made


def scale(world: World, deployment: str, replicas: int, namespace: str = "default") -> None:
    """Scale a Deployment; return when it has so many pods, and all are ready."""
    world.kubectl("-n", namespace, "scale", f"deployment/{deployment}", f"--replicas={replicas}")

    def has() -> bool:
        status = world.get("deployment", deployment, namespace=namespace)["status"]
        return [status.get(name, 0) for name in ("replicas", "readyReplicas")] == [replicas] * 2

    eventually(has, 120, f"{replicas} of {deployment}")


@contextlib.contextmanager
def no_names(world: World) -> Iterator[None]:
    """The cluster has no DNS while the body runs."""
    before = world.replicas("coredns", "kube-system")
    try:
        scale(world, "coredns", 0, "kube-system")
        yield
    finally:
        scale(world, "coredns", before, "kube-system")


def test_without_dns_operators_go_on_new_ones_lead_and_sizes_stay_until_it_is_back(world: World, pool: Pool) -> None:
    with no_names(world):
        pool.decide(ONE_READING)
        before = [pod["metadata"]["name"] for pod in release.operators(world)]
        release.restart(world)
        took = eventually(lambda: release.rolled_out(world), release.READY_SECONDS, "a new operator without DNS")
        took += release.wait_for_leader(world, *before, seconds=release.READY_SECONDS)
        logger.info("a new operator leads without DNS after %.1f s", took)
        # The stand-in for SQS is known by its name alone; no size must depend on that.
        took = pool.decide(ONE_READING)
        logger.info("it decides without the queue after %.1f s", took)
        assert pool.condition("QueueReachable")["reason"] == "QueueUnreachable"
        assert pool.size() == 2
    took = eventually(pool.is_reachable, SOON, "the return of the names")
    logger.info("the queue was read %.1f s after DNS was back", took)
    assert pool.size() == 2
    [pod] = release.operators(world)
    assert [each["restartCount"] for each in pod["status"]["containerStatuses"]] == [0]


def test_where_an_image_is_missing_the_pool_shows_it_and_no_other_pool_suffers(world: World, pool: Pool) -> None:
    with pool_of_its_own(world, "imageless", NO_SUCH_IMAGE) as imageless:
        imageless.send(60)
        eventually(lambda: imageless.status().get("replicas") == 3, SOON, "the scale-out")

        def waits() -> bool:
            states = [
                pod["status"].get("containerStatuses", [])
                for pod in world.pods(f"app={imageless.name}", imageless.name)
            ]
            reasons = [state["state"].get("waiting", {}).get("reason") for each in states for state in each]
            return len(reasons) == 3 and {*reasons} <= {"ErrImagePull", "ImagePullBackOff"}

        eventually(waits, 60, "the pull")
        pool.decide(SOON)
        imageless.decide(release.READY_SECONDS)
        status = imageless.status()
        assert (status["replicas"], status.get("readyReplicas", 0), imageless.size()) == (3, 0, 3)
        explained = explain(world, imageless.name)
        logger.info("%s", explained)
        assert f"Deployment {imageless.name}: 3 pods, 0 ready" in explained
        assert sqs(world, "counts", imageless.name) == "visible 60, in flight 0, delayed 0"
        assert pool.size() == 2


def explain(world: World, name: str) -> str:
    """Return what the operator's own command says of a pool."""
    return world.kubectl("-n", SYSTEM, "exec", f"deployment/{RELEASE}", "--", "qwp", "explain", f"{name}/{name}")


@pytest.fixture
def queues_lost(world: World) -> Iterator[None]:
    """Afterwards the README's queue is there again: the stand-in keeps its queues in memory."""
    try:
        yield
    finally:
        scale(world, "sqs", 1)
        sqs(world, "create", READMES_QUEUE)


@pytest.mark.usefixtures("queues_lost")
def test_while_sqs_is_away_the_pool_keeps_its_size_and_says_why(world: World, pool: Pool) -> None:
    scale(world, "sqs", 0)
    took = eventually(lambda: pool.condition("Ready").get("status") == "False", SOON, "the loss")
    logger.info("told of after %.1f s", took)
    assert pool.condition("QueueReachable")["reason"] == "QueueUnreachable"
    assert pool.status()["lastDecision"]["reason"] == "QueueUnreadable"
    assert pool.size() == 2
    assert "QueueUnreadable" in explain(world, pool.name)

    scale(world, "sqs", 1)
    eventually(lambda: pool.condition("QueueReachable").get("reason") == "QueueNotFound", SOON, "an empty stand-in")
    assert pool.size() == 2, "a queue that is not there is not an empty one"

    sqs(world, "create", pool.name)
    took = eventually(pool.is_reachable, SOON, "the return of the queue")
    logger.info("read again after %.1f s", took)
    eventually(lambda: pool.size() == 0, SOON, "the scale-in: the new queue is empty")
