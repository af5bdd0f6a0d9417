"""Fields of a pool on a real API server: bounds by activity, pauses with an end, one direction, queues by variables."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from devcluster.sqs import REGION
from tests.cluster.operator.conftest import ACCOUNT, Shop

EXAMPLE = Path(__file__).parents[3] / "examples" / "one-direction.yaml"
AWS = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
QUICK: dict[str, Any] = {
    "scaleToZeroAfterSeconds": 3,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
}


def test_a_pool_has_its_active_minimum_while_there_is_work_and_none_while_idle(shop: Shop) -> None:
    queue = shop.queue("active")
    shop.deployment("active")
    shop.pool("active", queue, activeMinReplicas=3, **QUICK)
    shop.eventually(lambda: shop.condition("active", "Ready")[0] == "True", 60, "the pool did not become ready")
    assert shop.replicas("active") == 0
    shop.send(queue, 4)
    shop.eventually(lambda: shop.replicas("active") == 3, 60, "the active minimum was not kept")
    assert shop.generation("active") == 2, "more than one write from 0 to 3"
    reason = "from 0 to 3 replicas: not idle, and activeMinReplicas is 3"
    shop.eventually(lambda: any(reason in event for event in shop.events("active")), 60, "it was not told")
    shop.purge(queue)
    shop.eventually(lambda: shop.replicas("active") == 0, 60, "the pool did not go to zero")
    assert shop.generation("active") == 3, "more than one write from 3 to 0"


def test_a_pause_ends_at_its_time_without_an_edit_or_a_reading(shop: Shop) -> None:
    queue = shop.queue("until")
    shop.deployment("until")
    shop.send(queue, 10)
    end = (datetime.now(UTC) + timedelta(seconds=20)).replace(microsecond=0)
    shop.pool("until", queue, pausedUntil=f"{end:%Y-%m-%dT%H:%M:%SZ}", pollSeconds=300)
    shop.eventually(lambda: shop.condition("until", "ScalingActive") == ("False", "Paused"), 60, "it is not paused")
    paused = shop.status("until")
    assert shop.replicas("until") == 0
    [step] = paused["lastDecision"]["trail"]
    assert (step["until"], step["message"]) == (f"{end:%Y-%m-%dT%H:%M:%SZ}", f"spec.pausedUntil is {step['until']}")
    assert "backlog" not in paused
    shop.eventually(lambda: "lastScaleTime" in shop.status("until"), 60, "the pause did not end")
    scaled = datetime.fromisoformat(shop.status("until")["lastScaleTime"])
    assert timedelta(0) <= scaled - end < timedelta(seconds=60), "the next reading of a usual pool is after 300 s"
    assert (shop.replicas("until"), shop.condition("until", "ScalingActive")) == (2, ("True", "ScalingActive"))


def test_the_example_of_one_direction_only_grows_or_only_shrinks(shop: Shop) -> None:
    for name, replicas in (("only-out", 4), ("only-in", 4)):
        shop.client.create_queue(QueueName=name)
        shop.deployment(name, replicas=replicas)
    shop.send("only-in", 50)
    shop.kubectl("apply", "-f", str(EXAMPLE))
    shop.eventually(lambda: "backlog" in shop.status("only-out"), 60, "only-out was not read")
    shop.eventually(lambda: "backlog" in shop.status("only-in"), 60, "only-in was not read")
    shop.eventually(
        lambda: shop.condition("only-out", "ScalingLimited") == ("True", "ScaleDownLimit"), 120, "it shrinks"
    )
    assert shop.condition("only-in", "ScalingLimited") == ("True", "ScaleUpLimit")
    assert (shop.replicas("only-out"), shop.replicas("only-in")) == (4, 4)
    shop.send("only-out", 50)
    shop.purge("only-in")
    shop.eventually(lambda: shop.replicas("only-out") == 10, 60, "it did not grow")
    shop.eventually(lambda: shop.replicas("only-in") == 1, 120, "it did not shrink")


def test_a_queue_stands_once_in_the_deployment_and_the_pool_follows(shop: Shop) -> None:
    first, second = shop.queue("first"), shop.queue("second")
    shop.send(first, 10)
    shop.send(second, 20)
    shop.deployment("told")
    shop.kubectl("set", "env", "deployment/told", f"QUEUE_URL={AWS}/{first}")
    variable = {"containerName": "worker", "name": "QUEUE_URL"}
    shop.pool("told", first, queues=[{"urlFromEnv": variable}])
    shop.eventually(lambda: shop.replicas("told") == 2, 60, "the first queue was not followed")
    shop.kubectl("set", "env", "deployment/told", f"QUEUE_URL={AWS}/{second}")
    shop.eventually(lambda: shop.replicas("told") == 4, 60, "the second queue was not followed")
    shop.kubectl("set", "env", "deployment/told", "QUEUE_URL-")
    unresolved = ("False", "QueueAddressInvalid")
    shop.eventually(
        lambda: shop.condition("told", "QueueReachable") == unresolved, 60, "the missing variable is no news"
    )
    assert shop.replicas("told") == 4
    [told] = [each for each in shop.status("told")["conditions"] if each["type"] == "QueueReachable"]
    assert told["message"].startswith("variable QUEUE_URL of container worker: the container does not set it")
