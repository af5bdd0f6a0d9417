"""What pools promise over time, on a real API server: fallbacks, restarts, one Event per cause, and current answers."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from devcluster import CommandFailedError, kubeconfig
from devcluster.sqs import REGION
from tests.cluster.operator.conftest import ACCOUNT, Operator, Shop

AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}
BY_LATENCY = re.compile(
    r"(\d+) messages x (\S+) s / \((\S+) per pod x (\S+) s\) = (\d+) pods(?: \((\S+) s less: few are ready\))?"
)


def decided(shop: Shop, pool: str) -> tuple[int, str]:
    """Return the pods decided on, and the reason; (-1, "") before there is a decision."""
    status = shop.status(pool)
    return status.get("desiredReplicas", -1), status.get("lastDecision", {}).get("reason", "")


def sizes(shop: Shop, deployments: Iterable[str]) -> list[int]:
    return [shop.replicas(name) for name in deployments]


def metric(shop: Shop, operator: Operator, name: str, **labels: str) -> float | None:
    """Return one series of the namespace's pools; fail when several match."""
    wanted = [f'{key}="{value}"' for key, value in ({"namespace": shop.namespace} | labels).items()]
    lines = [line for line in operator.get("/metrics").splitlines() if line.startswith(f"queueworkerpool_{name}{{")]
    found = [line for line in lines if all(label in line for label in wanted)]
    assert len(found) <= 1
    return float(found[0].rpartition(" ")[2]) if found else None


def wait_for(shop: Shop, deployment: str, replicas: int) -> None:
    shop.eventually(lambda: shop.replicas(deployment) == replicas, 60, f"{deployment} did not come to {replicas}")


def test_queueworker_pods_report_their_service_time_and_the_size_follows(shop: Shop) -> None:
    queue = shop.queue("measured")
    shop.send(queue, 300)
    worker = Path(sys.executable).with_name("queueworker")
    env = [f"{name}={value}" for name, value in shop.sqs.env.items()]
    url = shop.client.get_queue_url(QueueName=queue)["QueueUrl"]
    command = ["env", *env, str(worker), f"--queue={url}", "--exec=sleep 2", "--concurrency=4"]
    shop.deployment("measured", replicas=1, command=command)
    shop.pool("measured", queue, target={"latencySeconds": 60}, minReplicas=1, maxReplicas=2)

    statuses: list[dict[str, Any]] = []

    def sentence() -> re.Match[str] | None:
        statuses.append(shop.status("measured"))
        trail = statuses[-1].get("lastDecision", {}).get("trail", [{"message": ""}])
        return BY_LATENCY.fullmatch(trail[0]["message"])

    shop.eventually(lambda: sentence() is not None, 90, "no service time was learned")
    status = statuses[-1]
    learned, size = status["memory"]["workers"], BY_LATENCY.fullmatch(status["lastDecision"]["trail"][0]["message"])
    assert 2 <= learned["serviceSeconds"] < 8, "a message takes two seconds, and a process to start; there are 4 slots"
    assert learned["concurrency"] == 4
    assert 0 <= learned["startupSeconds"] < 60
    assert size
    load, service, slots, left, pods, unread = map(float, size.groups(default=0))
    assert (service, slots) == (learned["serviceSeconds"], learned["concurrency"])
    longest = max(60 - learned["startupSeconds"], learned["startupSeconds"])
    assert left + unread == pytest.approx(longest, rel=0.01)
    assert pods == min(math.ceil(load * service / (slots * left)), math.ceil(load / slots))
    assert shop.replicas("measured") == 2
    assert status["lastDecision"]["reason"] in {"TooManyReplicas", "SizedByLatency", "ScaleDownStabilized"}


def test_a_queue_that_goes_away_is_bridged_by_each_pools_fallback_until_it_is_back(shop: Shop) -> None:
    queue = shop.queue("bridged")
    shop.send(queue, 20)
    fallbacks: dict[str, Any] = {
        "higher": {"fallback": {"afterSeconds": 3, "replicas": 2, "when": "IfHigher"}},
        "always": {"fallback": {"afterSeconds": 3, "replicas": 2, "when": "Always"}},
        "none": {},
    }
    for name, spec in fallbacks.items():
        shop.deployment(name)
        shop.pool(name, queue, behavior=AT_ONCE, **spec)
    shop.eventually(lambda: sizes(shop, fallbacks) == [4, 4, 4], 60, "the pools did not grow")
    shop.client.delete_queue(QueueUrl=shop.client.get_queue_url(QueueName=queue)["QueueUrl"])
    expected = [(4, "Fallback"), (2, "Fallback"), (4, "QueueUnreadable")]
    shop.eventually(lambda: [decided(shop, name) for name in fallbacks] == expected, 60, "the fallbacks were not used")
    assert {shop.condition(name, "QueueReachable") for name in fallbacks} == {("False", "QueueNotFound")}
    assert sizes(shop, fallbacks) == [4, 2, 4]
    shop.client.create_queue(QueueName=queue)
    shop.send(queue, 30)
    shop.eventually(lambda: sizes(shop, fallbacks) == [6, 6, 6], 60, "the pools did not follow the queue again")


def test_a_cause_that_comes_and_goes_is_one_event_and_each_change_of_size_its_own(shop: Shop) -> None:
    queue = shop.queue("flapping")
    shop.deployment("flapping")
    shop.pool("flapping", queue)
    for size in (4, 8, 12):
        shop.eventually(lambda: shop.condition("flapping", "Ready")[0] == "True", 60, "the queue was not read")
        shop.send(queue, 5 * size)
        wait_for(shop, "flapping", size)
        shop.client.delete_queue(QueueUrl=shop.client.get_queue_url(QueueName=queue)["QueueUrl"])
        shop.eventually(
            lambda: shop.condition("flapping", "Ready")[1] == "QueueNotFound", 60, "the loss was not reported"
        )
        shop.client.create_queue(QueueName=queue)

    def reported() -> tuple[int, int]:
        reasons = [event.partition(":")[0] for event in shop.events("flapping")]
        return reasons.count("QueueNotFound"), reasons.count("SuccessfulRescale")

    shop.eventually(lambda: reported()[1] == 3, 60, "not every change of size was told")
    assert reported() == (1, 3)


def test_a_dry_run_and_a_pause_show_in_the_metrics_and_conditions(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("idle")
    shop.send(queue, 50)
    modes = {"dry": "DryRun", "paused": "Paused"}
    for name, mode in modes.items():
        shop.deployment(name, replicas=1)
        shop.pool(name, queue, mode=mode)
    expected = [("False", "DryRun"), ("False", "Paused")]
    shop.eventually(lambda: [shop.condition(name, "ScalingActive") for name in modes] == expected, 60, "no condition")
    assert [shop.condition(name, "Ready") for name in modes] == [("True", "DryRun"), ("True", "Paused")]
    for name in modes:
        labels = {"pool": name, "type": "ScalingActive", "status": "False"}
        shop.eventually(lambda: metric(shop, operator, "condition", **labels) == 1, 60, "not in the metrics")  # noqa: B023 -- called at once
        assert metric(shop, operator, "scale_writes_total", pool=name, direction="up") == 0
        assert (shop.replicas(name), shop.generation(name), shop.events(name)) == (1, 1, [])
    shop.eventually(lambda: metric(shop, operator, "desired_replicas", pool="dry") == 10, 60, "not in the metrics")
    assert metric(shop, operator, "decisions_total", pool="paused", reason="SizedByBacklog") == 0


def test_a_pool_at_zero_scales_out_at_once_for_more_than_one_message(shop: Shop, operator: Operator) -> None:
    queue = shop.queue("awake")
    shop.deployment("awake")
    shop.pool("awake", queue)
    shop.eventually(lambda: shop.condition("awake", "Ready")[0] == "True", 60, "the pool did not become ready")
    shop.send(queue, 3)
    shop.eventually(lambda: shop.replicas("awake") == 1, 60, "the pool did not scale out")
    assert metric(shop, operator, "decisions_total", pool="awake", reason="AwaitingSecondReading") == 0


def test_a_killed_operator_remembers_when_it_may_scale_in_and_what_it_has_reported(
    shop: Shop, operator: Operator
) -> None:
    shop.deployment("waiting", replicas=2)
    shop.pool("waiting", shop.queue("waiting"), behavior={"scaleDown": {"stabilizationWindowSeconds": 600}})
    shop.deployment("lost", replicas=1)
    shop.pool("lost", "no-such-queue")
    shop.eventually(lambda: decided(shop, "waiting") == (2, "ScaleDownStabilized"), 60, "the window does not hold")
    shop.eventually(lambda: len(shop.events("lost")) == 1, 60, "the missing queue was not reported")
    before = shop.status("waiting")
    assert ": may scale in at " in before["lastDecision"]["message"]
    operator.kill_and_wait()
    decisions = {"pool": "waiting", "reason": "ScaleDownStabilized"}
    shop.eventually(
        lambda: (metric(shop, operator, "decisions_total", **decisions) or 0) >= 3, 60, "the pool is not decided on"
    )
    after = shop.status("waiting")
    assert (after["lastDecision"], after["memory"]["scaleDownStabilization"]) == (
        before["lastDecision"],
        before["memory"]["scaleDownStabilization"],
    )
    assert (shop.replicas("waiting"), len(shop.events("lost"))) == (2, 1)


def test_no_answer_to_an_older_spec_is_given_as_one_to_the_newest(shop: Shop) -> None:
    queue = shop.queue("edited")
    shop.deployment("edited")
    shop.pool("edited", queue)
    shop.eventually(lambda: shop.condition("edited", "Ready")[0] == "True", 60, "the pool did not become ready")
    shop.pool("edited", queue, deployment="nowhere")
    snapshots: list[dict[str, Any]] = []

    def answered() -> bool:
        snapshots.append(shop.status("edited"))
        return bool(snapshots[-1]["observedGeneration"] == 2)

    shop.eventually(answered, 60, "the edit was not answered")
    for status in snapshots:
        generations = {condition["observedGeneration"] for condition in status["conditions"]}
        assert generations == {status["observedGeneration"]}
        ready = next(condition["status"] for condition in status["conditions"] if condition["type"] == "Ready")
        assert (ready == "True") == (status["observedGeneration"] == 1)


@pytest.fixture
def guest(shop: Shop, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `qwp` as a user who may read pools and Deployments, and has no role of the operator's."""
    shop.kubectl("create", "serviceaccount", "guest")
    resources = "--resource=queueworkerpools.queueworker.dev,deployments.apps"
    shop.kubectl("create", "role", "guest", "--verb=get", resources)
    shop.kubectl("create", "rolebinding", "guest", "--role=guest", f"--serviceaccount={shop.namespace}:guest")
    token = shop.kubectl("create", "token", "guest").strip()
    authority = shop.cluster.directory / "keys" / "ca.crt"
    config = kubeconfig.write_for_token(
        tmp_path / "kubeconfig", token, shop.namespace, server=shop.cluster.url, authority=authority
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).with_name("qwp")
        env = {"PATH": os.environ["PATH"], "KUBECONFIG": str(config)}
        return subprocess.run([program, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_user_who_may_read_a_pool_gets_the_operators_explanation(
    shop: Shop, guest: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    queue = shop.queue("plain")
    shop.send(queue, 50)
    shop.deployment("plain")
    urls = [{"url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"}]
    shop.pool("plain", queue, queues=urls, maxReplicas=4)
    shop.eventually(lambda: decided(shop, "plain") == (4, "TooManyReplicas"), 60, "the pool did not grow to its bound")
    answer = guest("explain", f"{shop.namespace}/plain", "-o", "json")
    assert answer.returncode == 0, answer.stderr
    explanation = json.loads(answer.stdout)
    assert (explanation["desiredReplicas"], explanation["reason"], explanation["until"]) == (
        4,
        "TooManyReplicas",
        None,
    )
    text = guest("explain", f"{shop.namespace}/plain").stdout
    assert "50 messages / 5 per pod = 10 pods" in text
    assert "so: 4 pods, by TooManyReplicas" in text
    with pytest.raises(CommandFailedError):
        shop.kubectl(
            "auth", "can-i", "patch", "deployments/scale", f"--as=system:serviceaccount:{shop.namespace}:guest"
        )
    refused = guest("explain", "kube-system/plain")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: kube-system/plain: ")
    assert "Traceback" not in refused.stderr
