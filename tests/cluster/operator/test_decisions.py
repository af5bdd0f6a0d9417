"""Every field that changes a decision, end to end on a real API server: the replicas that result."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.cluster.operator.conftest import Operator, Shop
from tests.cluster.operator.decisions import AT_ONCE, decided, wait_for

Row = tuple[dict[str, Any], int, int, int, str]

# What differs from a pool that waits for nothing at scale-in; messages, pods before, pods after, and why.
SIZES: dict[str, Row] = {
    "scaleUp policies": (
        {"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 600}]}}},
        *(100, 1, 5, "ScaleUpLimit"),
    ),
    "scaleUp by the smaller of two policies": (
        {
            "behavior": {
                "scaleUp": {
                    "selectPolicy": "Min",
                    "policies": [
                        {"type": "Pods", "value": 4, "periodSeconds": 600},
                        {"type": "Percent", "value": 50, "periodSeconds": 600},
                    ],
                }
            }
        },
        *(100, 4, 6, "ScaleUpLimit"),
    ),
    "scaleUp in percent": (
        {"behavior": {"scaleUp": {"policies": [{"type": "Percent", "value": 100, "periodSeconds": 600}]}}},
        *(100, 3, 6, "ScaleUpLimit"),
    ),
    "scaleUp disabled": ({"behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}, 100, 1, 1, "ScaleUpLimit"),
    "scaleDown policies": (
        {
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 50, "periodSeconds": 600}],
                }
            }
        },
        *(0, 6, 3, "ScaleDownLimit"),
    ),
    "scaleDown disabled": (
        {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}}},
        *(0, 3, 3, "ScaleDownLimit"),
    ),
    "tolerance at scale-in": ({"behavior": {"scaleDown": {"tolerance": 0.2}}}, 25, 6, 6, "WithinTolerance"),
    "tolerance": (
        {"behavior": {"scaleUp": {"tolerance": 0.2}, "scaleDown": {"tolerance": 0.2}}},
        *(22, 4, 4, "WithinTolerance"),
    ),
    "activation": ({"activationMessages": 5}, 5, 0, 0, "BelowActivation"),
    "messages that wait keep pods": ({"behavior": AT_ONCE}, 5, 8, 8, "MessagesWaiting"),
    "latency by an estimate": ({"target": {"latencySeconds": 60, "serviceSeconds": 3}}, 100, 0, 7, "SizedByLatency"),
    "latency without a service time: a pod per message": (
        {"target": {"latencySeconds": 60}},
        7,
        0,
        7,
        "SizedByLatency",
    ),
    "a schedule's minimum": (
        {"schedules": [{"name": "always", "cron": "* * * * *", "durationSeconds": 120, "minReplicas": 3}]},
        *(0, 0, 3, "Scheduled"),
    ),
    "a schedule's maximum": (
        {"schedules": [{"name": "always", "cron": "* * * * *", "durationSeconds": 120, "maxReplicas": 2}]},
        *(100, 0, 2, "Scheduled"),
    ),
}


@pytest.mark.parametrize("row", SIZES.values(), ids=[name.replace(" ", "-") for name in SIZES])
def test_size(shop: Shop, row: Row) -> None:
    spec, messages, before, after, reason = row
    queue = shop.queue("sized")
    shop.send(queue, messages)
    shop.deployment("sized", replicas=before)
    shop.eventually(lambda: shop.ready("sized") == before, 60, "the pods did not become ready")
    shop.pool("sized", queue, **spec)
    wait_for(shop, "sized", after, reason)
    assert shop.generation("sized") <= 2, "more than one write"


def test_a_pool_scales_out_after_its_window_and_reports_when(shop: Shop) -> None:
    queue = shop.queue("calm")
    shop.send(queue, 100)
    shop.deployment("calm")
    shop.pool("calm", queue, behavior={"scaleUp": {"stabilizationWindowSeconds": 15}})
    shop.eventually(lambda: decided(shop, "calm") == (0, "ScaleUpStabilized"), 60, "the window was not reported")
    message = shop.status("calm")["lastDecision"]["message"]
    assert ": may scale out at " in message
    shop.eventually(lambda: shop.replicas("calm") == 20, 60, "the pool did not grow")
    shop.eventually(lambda: "lastScaleTime" in shop.status("calm"), 60, "the growth was not reported")
    # A wait may end early by a tenth of a second here, and so in the second before.
    last = datetime.fromisoformat(shop.status("calm")["lastScaleTime"]) + timedelta(seconds=1)
    assert f"{last:%H:%M:%SZ}" >= message[-9:] or f"{last:%H}" == "00"  # times of day begin anew at midnight


def test_messages_in_flight_hold_the_pods_that_can_have_them(shop: Shop) -> None:
    queue = shop.queue("held")
    shop.send(queue, 3)
    url = shop.client.get_queue_url(QueueName=queue)["QueueUrl"]
    shop.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
    shop.deployment("held", replicas=6)
    shop.pool("held", queue, count={"inFlight": "Hold"}, behavior=AT_ONCE)
    wait_for(shop, "held", 3, "InFlightHeld")


def test_one_message_activates_a_pool_only_when_a_second_reading_agrees(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("one-message")
    shop.deployment("one-message")
    shop.pool("one-message", queue, pollSeconds=5)
    shop.eventually(lambda: decided(shop, "one-message")[0] == 0, 60, "nothing was decided")
    shop.send(queue, 1)
    shop.eventually(lambda: shop.replicas("one-message") == 1, 60, "the pool did not scale out")
    counted = [line for line in operator.get("/metrics").splitlines() if "AwaitingSecondReading" in line]
    assert any(shop.namespace in line and line.endswith(" 1.0") for line in counted)


def test_no_pod_goes_while_the_deployment_rolls_out(shop: Shop) -> None:
    queue = shop.queue("rolling")
    shop.deployment("rolling", replicas=4)
    shop.eventually(lambda: shop.ready("rolling") == 4, 60, "the pods did not become ready")
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    container = {"name": "worker", "readinessProbe": probe}
    shop.kubectl(
        "patch",
        "deployment",
        "rolling",
        "-p",
        json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}}),
    )
    shop.pool("rolling", queue, behavior=AT_ONCE, scaleToZeroAfterSeconds=1)
    shop.eventually(lambda: decided(shop, "rolling") == (4, "RollingOut"), 60, "the roll-out did not hold the size")
    assert shop.replicas("rolling") == 4


def test_pods_that_cannot_be_scheduled_do_not_multiply_demand(shop: Shop) -> None:
    queue = shop.queue("unschedulable")
    shop.send(queue, 50)
    shop.deployment("unschedulable")
    shop.kubectl(
        "patch",
        "deployment",
        "unschedulable",
        "-p",
        '{"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}}',
    )
    shop.pool("unschedulable", queue)
    wait_for(shop, "unschedulable", 10, "SizedByBacklog")
    writes = shop.generation("unschedulable")
    shop.send(queue, 5)
    wait_for(shop, "unschedulable", 11, "SizedByBacklog")
    assert shop.generation("unschedulable") == writes + 1
