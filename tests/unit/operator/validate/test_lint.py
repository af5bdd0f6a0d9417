"""What is doubtful in a valid pool, by itself and together with the other objects of its file."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from queueworkerpool.validate import LintWarning, validate
from tests.cluster.operator.pool_manifests import (
    CALM,
    MORNING,
    URL,
    VARIABLE,
    down,
    manifest,
    pool,
    queue,
    schedule,
    target,
    up,
)
from tests.cluster.operator.pool_rows import ACCEPTED

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_MORNING = "spec.schedules[name=morning]"


def warnings(text: str) -> list[LintWarning]:
    verdicts = validate(text, NOW)
    assert [verdict.errors for verdict in verdicts if verdict.errors] == []
    return [warning for verdict in verdicts for warning in verdict.warnings]


def deployment(replicas: int | None = None, grace: int | None = None, **container: Any) -> str:
    pod = {"containers": [container]} | ({} if grace is None else {"terminationGracePeriodSeconds": grace})
    spec = {"template": {"spec": pod}} | ({} if replicas is None else {"replicas": replicas})
    meta = {"name": "thumbnailer"}
    return yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})


def latency(seconds: int = 60, startup: float = 10, **differs: Any) -> str:
    return pool(target={"latencySeconds": seconds, "startupSeconds": startup}, **differs)


def drained(service: float) -> str:
    return pool(target={"latencySeconds": 600, "serviceSeconds": service}, scaleIn={"busyWorkers": "Drain"})


def fallback(**fields: Any) -> str:
    return pool(fallback={"afterSeconds": 300, "replicas": 3} | fields)


DISABLED = {"selectPolicy": "Disabled", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}


def of_kind(kind: str, name: str = "p") -> str:
    """A pool for what has this kind, and the name of the Deployment of the others."""
    return manifest(CALM | {"scaleTargetRef": {"kind": kind, "name": "thumbnailer"}}, metadata={"name": name})


DOUBTFUL: dict[str, tuple[str, str, str]] = {
    "a latency below the start-up time": (
        latency(10, 30),
        "spec.target.latencySeconds",
        "raise it, or keep enough pods",
    ),
    "a latency of just the start-up time": (latency(30, 30), "spec.target.latencySeconds", "cannot keep the promise"),
    "a poll interval as long as the latency": (latency(pollSeconds=60), "spec.pollSeconds", "lower it"),
    "a scale-up window as long as the latency": (
        latency(behavior={"scaleUp": {"stabilizationWindowSeconds": 60}}),
        "spec.behavior.scaleUp.stabilizationWindowSeconds",
        "scaling out waits 60 s",
    ),
    "a latency with an activation threshold": (
        latency(activationMessages=5),
        "spec.activationMessages",
        "up to 5 messages wait without end",
    ),
    "a cooldown shorter than the start-up time": (
        latency(startup=50, scaleToZeroAfterSeconds=49),
        "spec.scaleToZeroAfterSeconds",
        "leave it out, or raise it to 50",
    ),
    "an active minimum that a schedule does not allow": (
        pool(activeMinReplicas=4, schedules=[MORNING | {"maxReplicas": 3, "minReplicas": 0}]),
        "spec.activeMinReplicas",
        "above the maxReplicas of the schedule morning, 3, which wins",
    ),
    "a pause that is over": (
        pool(pausedUntil="2026-03-02T12:00:00Z"),
        "spec.pausedUntil",
        "2026-03-02T12:00:00Z is over, so it means nothing: remove it",
    ),
    "a pause within mode Paused": (
        pool(pausedUntil="2026-03-02T12:00:01Z", mode="Paused"),
        "spec.pausedUntil",
        "it does not end mode Paused: set mode to Active",
    ),
    "an activation of a pool that is never at zero": (
        pool(minReplicas=1, activationMessages=5),
        "spec.activationMessages",
        "no effect while minReplicas is 1",
    ),
    "an idle interval of a pool that is never at zero": (
        pool(minReplicas=1, idlePollSeconds=60),
        "spec.idlePollSeconds",
        "no effect while minReplicas is 1, for the pool is never at zero",
    ),
    "an idle interval as long as the latency": (
        latency(idlePollSeconds=60),
        "spec.idlePollSeconds",
        "the first message of an idle pool may wait 60 s before it is counted, and latencySeconds is 60",
    ),
    "a pool that can never leave zero": (
        up(selectPolicy="Disabled"),
        "spec.behavior.scaleUp.selectPolicy",
        "set minReplicas above 0",
    ),
    "no window for scaling in": (
        down(stabilizationWindowSeconds=0),
        "spec.behavior.scaleDown.stabilizationWindowSeconds",
        "set 15 or more",
    ),
    "policies that have no effect": (
        down(**DISABLED),
        "spec.behavior.scaleDown.policies",
        "no effect while selectPolicy is Disabled",
    ),
    "equal bounds": (pool(minReplicas=50), "spec.maxReplicas", "the pool never scales"),
    "a fallback above the maximum": (fallback(replicas=51), "spec.fallback.replicas", "outside of the bounds 0 to 50"),
    "a fallback below the minimum": (
        pool(minReplicas=4, fallback={"afterSeconds": 300, "replicas": 3}),
        "spec.fallback.replicas",
        "outside of the bounds 4 to 50",
    ),
    "a fallback after one failed reading": (fallback(afterSeconds=5), "spec.fallback.afterSeconds", "such as 300"),
    "a host that requests do not go to": (
        queue("https://sqs-fips.us-east-1.amazonaws.com/123456789012/q"),
        "spec.queues[0].url",
        "set AWS_USE_FIPS_ENDPOINT=true for the operator",
    ),
    "a schedule without end": (
        schedule(cron="0 * * * *"),
        f"{_MORNING}.durationSeconds",
        "begins every 3600 s, so that it never ends",
    ),
    "a schedule's minimum above the maximum": (
        schedule(minReplicas=51),
        f"{_MORNING}.minReplicas",
        "51 is above spec.maxReplicas, 50",
    ),
    "a schedule's maximum below the minimum": (
        pool(
            minReplicas=5,
            schedules=[{"name": "morning", "cron": "0 9 * * *", "durationSeconds": 60, "maxReplicas": 4}],
        ),
        f"{_MORNING}.maxReplicas",
        "set the schedule's own minReplicas too",
    ),
    "a Deployment that sets its replicas": (
        deployment(replicas=3) + "---\n" + pool(),
        "spec.scaleTargetRef.name",
        "remove spec.replicas from the Deployment",
    ),
    "a target below the concurrency in the arguments": (
        pool() + "---\n" + deployment(command=["queueworker"], args=["--concurrency", "10"]),
        "spec.target.messagesPerPod",
        "raise it to 10 or more",
    ),
    "a target below the concurrency in the command": (
        pool() + "---\n" + deployment(command=["queueworker", "--concurrency=6"]),
        "spec.target.messagesPerPod",
        "5 is below the concurrency of the workers in Deployment thumbnailer, 6",
    ),
    "a target below the concurrency in the environment": (
        pool() + "---\n" + deployment(env=[{"name": "QUEUEWORKER_CONCURRENCY", "value": "20"}]),
        "spec.target.messagesPerPod",
        "raise it to 20 or more",
    ),
    "a target below the larger of two concurrencies": (
        pool() + "---\n" + deployment(args=["--concurrency", "4", "--concurrency", "8"]),
        "spec.target.messagesPerPod",
        "raise it to 8 or more",
    ),
    "workers that are drained and get less time than a message takes": (
        drained(31) + "---\n" + deployment(),
        "spec.scaleIn.busyWorkers",
        "longer than the 30 s that the Deployment thumbnailer gives a pod to end",
    ),
    "a StatefulSet that sets its replicas": (
        deployment(replicas=3).replace("Deployment", "StatefulSet") + "---\n" + of_kind("StatefulSet"),
        "spec.scaleTargetRef.name",
        "StatefulSet thumbnailer sets spec.replicas, so each apply undoes the operator's size: remove spec.replicas",
    ),
    "two pools for one StatefulSet": (
        of_kind("StatefulSet") + "---\n" + of_kind("StatefulSet", "other"),
        "spec.scaleTargetRef.name",
        "the pool p in this file scales the StatefulSet thumbnailer too: one pool per StatefulSet",
    ),
    "two pools for one Deployment": (
        pool() + "---\n" + manifest(CALM, metadata={"name": "other"}),
        "spec.scaleTargetRef.name",
        "the pool p in this file scales the Deployment thumbnailer too",
    ),
}


@pytest.mark.parametrize(("text", "field", "remedy"), DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_doubtful(text: str, field: str, remedy: str) -> None:
    (warning,) = warnings(text)
    assert warning.field == field
    assert remedy in warning.message


CLEAR: dict[str, str] = {
    "two pools for a Deployment and a StatefulSet of one name": pool() + "---\n" + of_kind("StatefulSet", "other"),
    "replicas of a Deployment beside a pool for a StatefulSet of its name": (
        deployment(replicas=3) + "---\n" + of_kind("StatefulSet")
    ),
    **{name: text for name, text in ACCEPTED.items() if name != "a fixed size" and "urlFromEnv" not in text},
    "a latency above the start-up time": latency(31, 30),
    "a latency without a start-up time": target(latencySeconds=1_000),
    "a cooldown of just the start-up time": latency(startup=50, scaleToZeroAfterSeconds=50),
    "a short cooldown of a pool that never goes to zero": latency(startup=50, scaleToZeroAfterSeconds=1, minReplicas=1),
    "a pool that never scales in": down(selectPolicy="Disabled", stabilizationWindowSeconds=0),
    "a fallback of the maximum": fallback(replicas=50),
    "the region of the URL": queue(URL, region="eu-west-1"),
    "a region of a local queue": queue("http://127.0.0.1:9324/000000000000/local", region="us-east-1"),
    "a schedule that ends a second before it begins": schedule(cron="0 * * * *", durationSeconds=3599),
    "a schedule's minimum of just the maximum": schedule(minReplicas=50),
    "a schedule's maximum of just the minimum": pool(
        minReplicas=5, schedules=[{"name": "morning", "cron": "0 9 * * *", "durationSeconds": 60, "maxReplicas": 5}]
    ),
    "a schedule that raises both bounds": schedule(minReplicas=51, maxReplicas=60),
    "a schedule on a leap day": schedule(cron="0 9 29 2 *"),
    "a Deployment of the same name in another namespace": pool()
    + "---\n"
    + deployment(replicas=3).replace("name: thumbnailer", "name: thumbnailer\n  namespace: other"),
    "workers that are drained and get just the time that a message takes": drained(30) + "---\n" + deployment(),
    "workers that are drained and get longer": drained(31) + "---\n" + deployment(grace=60),
    "a Deployment as the cluster has it": pool()
    + "---\n"
    + deployment(replicas=3).replace("name: thumbnailer", "name: thumbnailer\n  uid: 5f9e"),
    "a target of just the concurrency": pool() + "---\n" + deployment(args=["--concurrency=5"]),
    "a concurrency that comes from elsewhere": pool() + "---\n" + deployment(args=["--concurrency", "$(N)"]),
    "a Deployment that makes no sense": pool()
    + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: thumbnailer}\nspec: [1]\n",
}


@pytest.mark.parametrize("text", CLEAR.values(), ids=CLEAR.keys())
def test_clear(text: str) -> None:
    assert warnings(text) == []


BY_VARIABLE = pool(queues=[{"urlFromEnv": VARIABLE}])
TOLD: dict[str, Any] = {"name": "worker", "env": [{"name": "QUEUE_URL", "value": URL}]}


def test_a_queue_of_a_variable_is_resolved_by_the_deployment_in_the_file() -> None:
    verdict, _ = validate(f"{BY_VARIABLE}\n---\n{deployment(None, None, **TOLD)}", NOW)
    assert (verdict.errors, verdict.warnings) == ((), ())
    assert [(queue.url, queue.region) for queue in verdict.queues] == [(URL, "eu-west-1")]


def test_a_queue_of_a_variable_without_its_deployment_could_not_be_checked() -> None:
    problem = "it could not be checked: the Deployment thumbnailer is not in this file: check them together"
    assert warnings(BY_VARIABLE) == [LintWarning("spec.queues", problem)]


@pytest.mark.parametrize(
    ("container", "problem"),
    [
        ({"name": "main"}, "has no container of that name (it has: main)"),
        (TOLD | {"env": [{"name": "QUEUE_URL", "value": "jobs"}]}, "its value is no URL of a queue"),
        (
            TOLD | {"env": [{"name": "QUEUE_URL", "value": URL.replace("eu-west-1.", "")}]},
            None,
        ),
        (
            TOLD | {"env": [{"name": "QUEUE_URL", "value": URL.replace("sqs", "sns")}]},
            "is AWS's, and names no region of SQS",
        ),
    ],
)
def test_a_variable_that_the_operator_would_refuse_is_an_error(container: Any, problem: str | None) -> None:
    verdict, _ = validate(f"{BY_VARIABLE}\n---\n{deployment(**container)}", NOW)
    assert [error.field for error in verdict.errors] == (["spec.queues[0].urlFromEnv"] if problem else [])
    assert (problem or "") in "".join(error.message for error in verdict.errors)
