"""Every field that changes a decision, end to end on a real API server: the replicas that result, and what is told."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from devcluster.sqs import REGION
from tests.cluster.operator.conftest import ACCOUNT, Operator, Shop

AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}

TALKING = """
import http.server, json, os

class State(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        State.asked += 1
        told = {"busy": 1, "concurrency": 4, "processed": 10 * self.asked, "failed": 0, "busySeconds": 20 * self.asked}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer((os.environ["QUEUEWORKER_STATE_HOST"], 8081), State).serve_forever()
"""
"""A worker of any make: ten messages of two seconds each between two questions, four at a time."""


def decided(shop: Shop, pool: str) -> tuple[int, str]:
    """The pods decided on, and the reason; nothing before there is a decision."""
    status = shop.status(pool)
    return status.get("desiredReplicas", -1), status.get("lastDecision", {}).get("reason", "")


def reasons(shop: Shop, pool: str) -> list[str]:
    return [step["reason"] for step in shop.status(pool).get("lastDecision", {}).get("trail", ())]


def wait_for(shop: Shop, pool: str, replicas: int, reason: str) -> None:
    shop.eventually(
        lambda: (shop.replicas(pool), *decided(shop, pool)) == (replicas, replicas, reason),
        30,
        f"not {replicas} pods by {reason}",
    )


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
    "latency by an estimate": ({"target": {"latencySeconds": 60, "serviceSeconds": 3}}, 100, 0, 5, "SizedByLatency"),
    "latency with nothing known: a pod per message": ({"target": {"latencySeconds": 60}}, 7, 0, 7, "SizedByLatency"),
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


def test_a_pool_scales_out_after_its_window_and_tells_when(shop: Shop) -> None:
    queue = shop.queue("calm")
    shop.send(queue, 100)
    shop.deployment("calm")
    shop.pool("calm", queue, behavior={"scaleUp": {"stabilizationWindowSeconds": 6}})
    shop.eventually(lambda: decided(shop, "calm") == (0, "ScaleUpStabilized"), 30, "the window was not told")
    told = shop.status("calm")["lastDecision"]["message"]
    assert ": may scale out at " in told
    shop.eventually(lambda: shop.replicas("calm") == 20, 20, "the pool did not grow")
    shop.eventually(lambda: "lastScaleTime" in shop.status("calm"), 30, "the growth was not told")
    last = datetime.fromisoformat(shop.status("calm")["lastScaleTime"])
    assert f"{last:%H:%M:%SZ}" >= told[-9:] or f"{last:%H}" == "00"  # times of day begin anew at midnight


def test_messages_in_flight_hold_the_pods_that_can_have_them(shop: Shop) -> None:
    queue = shop.queue("held")
    shop.send(queue, 3)
    url = shop.client.get_queue_url(QueueName=queue)["QueueUrl"]
    shop.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
    shop.deployment("held", replicas=6)
    shop.pool("held", queue, count={"inFlight": "Hold"}, behavior=AT_ONCE)
    wait_for(shop, "held", 3, "InFlightHeld")


def test_one_message_wakes_a_pool_only_when_a_second_reading_agrees(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("blip")
    shop.deployment("blip")
    shop.pool("blip", queue, pollSeconds=5)
    shop.eventually(lambda: decided(shop, "blip")[0] == 0, 30, "nothing was decided")
    shop.send(queue, 1)
    shop.eventually(lambda: shop.replicas("blip") == 1, 30, "the pool did not wake")
    counted = [line for line in operator.get("/metrics").splitlines() if "AwaitingSecondReading" in line]
    assert any(shop.namespace in line and line.endswith(" 1.0") for line in counted)


def test_workers_tell_their_service_time_and_pods_their_start_up_time(shop: Shop) -> None:
    queue = shop.queue("talking")
    shop.send(queue, 200)
    shop.deployment("talking", replicas=1, command=[sys.executable, "-c", TALKING])
    shop.eventually(lambda: shop.ready("talking") == 1, 60, "the worker did not become ready")
    shop.pool("talking", queue, target={"latencySeconds": 50}, maxReplicas=3)
    shop.eventually(lambda: "serviceSeconds" in workers(shop, "talking"), 60, "no service time was learned")
    learned = workers(shop, "talking")
    assert (learned["serviceSeconds"], learned["concurrency"]) == (2, 4)
    assert 0 <= learned["startupSeconds"] < 60
    shop.eventually(
        lambda: "200 messages x 2 s / (4 per pod x" in shop.status("talking")["lastDecision"]["trail"][0]["message"],
        30,
        "the size does not follow from what the workers tell",
    )
    assert shop.condition("talking", "WorkersProtected") == ("True", "WorkersAnswer")


def workers(shop: Shop, pool: str) -> dict[str, float]:
    return dict(shop.status(pool).get("memory", {}).get("workers", {}))


def test_a_latency_below_the_start_up_time_is_told_with_the_least_that_can_be_promised(shop: Shop) -> None:
    shop.deployment("hasty")
    shop.pool("hasty", shop.queue("hasty"), target={"latencySeconds": 20, "serviceSeconds": 1, "startupSeconds": 30})
    shop.eventually(
        lambda: shop.condition("hasty", "ScalingLimited") == ("True", "LatencyBelowStartup"),
        15,
        "the limit was not told",
    )
    told = next(each for each in shop.status("hasty")["conditions"] if each["type"] == "ScalingLimited")
    assert told["message"].endswith("the least latency that can be promised is more than 30 s")


def test_a_fallback_holds_from_its_time_until_the_queue_is_seen(shop: Shop) -> None:
    shop.deployment("blind", replicas=1)
    name = f"{shop.namespace}-blind"
    shop.pool("blind", name, fallback={"afterSeconds": 4, "replicas": 3, "when": "Always"}, behavior=AT_ONCE)
    shop.eventually(lambda: decided(shop, "blind") == (1, "QueueUnreadable"), 30, "the blind pool did not hold")
    wait_for(shop, "blind", 3, "Fallback")
    shop.queue("blind")
    shop.send(name, 50)
    wait_for(shop, "blind", 10, "SizedByBacklog")


def test_of_several_queues_those_that_are_seen_may_raise_and_nothing_lowers(shop: Shop) -> None:
    seen = shop.queue("seen")
    shop.send(seen, 50)
    shop.deployment("half", replicas=1)
    urls = [{"url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"} for name in (seen, "no-such-queue")]
    shop.pool("half", seen, queues=urls, behavior=AT_ONCE)
    shop.eventually(lambda: shop.replicas("half") == 10, 30, "what is seen did not raise the size")
    shop.purge(seen)
    shop.eventually(lambda: decided(shop, "half") == (10, "QueueUnreadable"), 30, "the half-blind pool did not hold")
    assert shop.condition("half", "QueueReachable") == ("False", "QueueNotFound")


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
    shop.eventually(lambda: decided(shop, "rolling") == (4, "RollingOut"), 20, "the roll-out did not hold the size")
    assert shop.replicas("rolling") == 4


def test_pods_that_cannot_be_scheduled_do_not_multiply_demand(shop: Shop) -> None:
    queue = shop.queue("homeless")
    shop.send(queue, 50)
    shop.deployment("homeless")
    shop.kubectl(
        "patch", "deployment", "homeless", "-p", '{"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}}'
    )
    shop.pool("homeless", queue)
    wait_for(shop, "homeless", 10, "SizedByBacklog")
    writes = shop.generation("homeless")
    shop.send(queue, 5)
    wait_for(shop, "homeless", 11, "SizedByBacklog")
    assert shop.generation("homeless") == writes + 1


def qwp(shop: Shop, *arguments: str) -> list[str]:
    env = {"KUBECONFIG": str(shop.cluster.kubeconfig), "PATH": "/usr/bin:/bin"}
    program = Path(sys.executable).with_name("qwp")
    return [*(f"{name}={value}" for name, value in env.items()), str(program), *arguments]


def test_explain_tells_what_limits_a_pool_and_until_when(shop: Shop) -> None:
    shop.deployment("explained", replicas=3)
    window = {"scaleDown": {"stabilizationWindowSeconds": 600}}
    shop.pool("explained", shop.queue("explained"), behavior=window)
    shop.eventually(lambda: decided(shop, "explained") == (3, "ScaleDownStabilized"), 30, "the window does not hold")
    command = ["env", "-i", *qwp(shop, "explain", f"{shop.namespace}/explained")]
    told = json.loads(subprocess.run([*command, "-o", "json"], capture_output=True, check=True, timeout=30).stdout)
    decision = shop.status("explained")["lastDecision"]
    assert told["desiredReplicas"] == 3
    assert told["limitedBy"] == decision["reason"] == "ScaleDownStabilized"
    assert f"may scale in at {told['until'][11:]}" in decision["message"]
    assert [{name: step[name] for name in ("replicas", "reason", "message")} for step in told["steps"]] == decision[
        "trail"
    ]
    with subprocess.Popen([*command, "--watch"], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        accounts = [line for line in (watching.stdout.readline() for _ in range(30)) if line.startswith("so: ")]
        watching.kill()
    assert len(accounts) >= 2
    assert all(line.startswith("so: 3 pods, by ScaleDownStabilized until ") for line in accounts)
