"""Manifests become the policies that they describe; what cannot be played is refused with its line and field."""

import pickle
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from queueplanner.manifests import ManifestError, Manifests, read_manifests
from queueplanner.policies.hpa import DOWN, UP, Hpa, Policy, Rules
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.policies.keda_cron import CronTrigger
from queueplanner.policies.pools import PlannedPool
from queueplanner.policies.queue_hpa import QueueHpa
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueworkerpool.model import NamespacedName
from tests.unit.planner.builders import work

NOW = datetime(2026, 11, 26, tzinfo=UTC)
FIXTURES = Path(__file__).parents[1] / "operator" / "importing" / "fixtures"


def read(*documents: dict[str, Any] | str) -> Manifests:
    texts = [each if isinstance(each, str) else yaml.safe_dump(each, sort_keys=False) for each in documents]
    return read_manifests([("a.yaml", "---\n".join(texts))], NOW)


def policy(document: dict[str, Any]) -> Any:
    [candidate] = read(document).candidates
    return candidate.begin(work())


def a_pool(**spec: Any) -> dict[str, Any]:
    queues = [{"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"}]
    body = {"scaleTargetRef": {"name": "orders"}, "queues": queues, "maxReplicas": 9, "target": {"messagesPerPod": 2}}
    return {
        "apiVersion": "queueworker.dev/v1alpha1",
        "kind": "QueueWorkerPool",
        "metadata": {"name": "orders"},
        "spec": body | spec,
    }


def scaled_object(trigger: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"queueURL": "https://sqs.eu-west-1.amazonaws.com/123456789012/orders", **(trigger or {})}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "orders"},
        "spec": {
            "scaleTargetRef": {"name": "orders"},
            "triggers": [{"type": "aws-sqs-queue", "metadata": metadata}],
            **spec,
        },
    }


SQS: dict[str, Any] = {"type": "aws-sqs-queue", "metadata": {}}


def cron(**metadata: Any) -> dict[str, Any]:
    """Return a cron trigger; None is a field that is not there."""
    written = {"timezone": "Europe/Berlin", "start": "0 8 * * *", "end": "0 17 * * *", "desiredReplicas": "4"}
    return {"type": "cron", "metadata": {key: value for key, value in (written | metadata).items() if value}}


def hpa(metric: str = "aws_sqs_approximate_number_of_messages_visible", **spec: Any) -> dict[str, Any]:
    named = {"name": metric, "selector": {"matchLabels": {"queue_name": "orders"}}}
    external = {"metric": named, "target": {"type": "AverageValue", "averageValue": "7500m"}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "orders"},
        "spec": {
            "scaleTargetRef": {"name": "orders"},
            "maxReplicas": 9,
            "metrics": [{"type": "External", "external": external}],
            **spec,
        },
    }


def wpa(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "k8s.practo.dev/v1",
        "kind": "WorkerPodAutoScaler",
        "metadata": {"name": "orders"},
        "spec": {"maxReplicas": 9, "targetMessagesPerWorker": 4, "queueURI": "orders", **spec},
    }


def test_a_pool_is_played_with_the_defaults_of_its_definition() -> None:
    [candidate] = read(a_pool()).candidates
    assert (candidate.name, candidate.most, candidate.unchecked) == ("qwp/orders", 9, ())
    playing = candidate.begin(work())
    assert isinstance(playing, PlannedPool)
    assert playing._pool.spec.poll_seconds == 5


def test_what_a_pool_is_played_without_is_told() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012"
    schedule = {"name": "day", "cron": "0 8 * * *", "durationSeconds": 60, "maxReplicas": 40}
    [candidate] = read(
        a_pool(
            mode="DryRun",
            queues=[{"url": f"{url}/a"}, {"url": f"{url}/b"}],
            schedules=[schedule],
            fallback={"afterSeconds": 60, "replicas": 1},
        )
    ).candidates
    assert candidate.most == 40
    assert candidate.unchecked == (
        "it is played in the mode Active, whatever its manifest says",
        "its 2 queues are taken as one, to which the whole load goes",
        "its schedules are played as if a load without dates began on a Monday at midnight UTC",
        "its fallback is never used, for the queue can always be read here",
    )


def test_a_pause_with_an_end_is_played() -> None:
    [candidate] = read(a_pool(pausedUntil="2026-12-24T18:00:00Z")).candidates
    playing = candidate.begin(work())
    assert isinstance(playing, PlannedPool)
    assert playing._pool.spec.paused_until == datetime(2026, 12, 24, 18, tzinfo=UTC)
    [said] = candidate.unchecked
    assert said.startswith(
        "it keeps its size until 2026-12-24T18:00:00Z, its pausedUntil; a load without dates begins at"
    )


def test_a_scaled_object_has_kedas_defaults() -> None:
    playing = policy(scaled_object())
    assert isinstance(playing, Keda)
    assert playing.spec == ScaledObject()


def test_every_field_of_a_scaled_object_that_sets_its_size_is_played() -> None:
    up = {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}
    behavior = {"scaleUp": up | {"selectPolicy": "Min", "tolerance": "0.2"}, "scaleDown": {"selectPolicy": "Disabled"}}
    trigger = {"queueLength": "20", "activationQueueLength": "3", "scaleOnInFlight": "false"}
    spec: dict[str, Any] = {
        "pollingInterval": 10,
        "cooldownPeriod": 0,
        "idleReplicaCount": 1,
        "minReplicaCount": 2,
        "maxReplicaCount": 30,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
    }
    assert policy(scaled_object(trigger, **spec)).spec == ScaledObject(
        queue_length=20,
        min_replicas=2,
        max_replicas=30,
        polling_seconds=10,
        cooldown_seconds=0,
        activation=3,
        idle_replicas=1,
        in_flight=False,
        behavior=(
            Rules(30, (Policy(2, 60),), least=True, tolerance=0.2),
            Rules(DOWN.window_seconds, DOWN.policies, disabled=True),
        ),
    )


def test_cron_triggers_beside_that_of_the_queue_are_played() -> None:
    weekend = cron(timezone="UTC", start="0  8 ? * SAT", end="0 17 ? * SAT", desiredReplicas=2)
    made = read(scaled_object(triggers=[cron() | {"name": "office"}, SQS, weekend], maxReplicaCount=3))
    [candidate] = pickle.loads(pickle.dumps(made.candidates))  # noqa: S301 -- our own
    assert candidate.begin(work()).spec == ScaledObject(
        max_replicas=3,
        crons=(
            CronTrigger("0 8 * * *", "0 17 * * *", ZoneInfo("Europe/Berlin"), 4),
            CronTrigger("0 8 * * SAT", "0 17 * * SAT", ZoneInfo("UTC"), 2),
        ),
    )
    assert candidate.most == 3
    assert candidate.unchecked[0] == (
        "its cron triggers are played as if a load without dates began on a Monday at midnight UTC"
    )


def test_a_behavior_of_one_direction_has_the_hpas_defaults_for_the_other() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    playing = policy(hpa(minReplicas=2, behavior=behavior))
    assert isinstance(playing, QueueHpa)
    assert playing.hpa == Hpa(2, 9, 7.5, (UP, Rules(0, DOWN.policies)))
    assert not playing.in_flight


def test_a_target_may_be_that_of_all_pods_together() -> None:
    external = {"metric": {"name": "s0-aws-sqs-orders"}, "target": {"type": "Value", "value": "30"}}
    playing = policy(hpa(metrics=[{"type": "External", "external": external}]))
    assert isinstance(playing, QueueHpa)
    assert playing.hpa == Hpa(1, 9, 30.0, is_value=True)
    trigger = {"type": "aws-sqs-queue", "metricType": "Value", "metadata": {"queueLength": "30"}}
    assert policy(scaled_object(triggers=[trigger])).spec == ScaledObject(queue_length=30, is_value=True)


METRICS = {
    "KEDA's own name counts messages in flight": ("s0-aws-sqs-orders", True, 0),
    "an exporter's does not": ("aws_sqs_approximate_number_of_messages_visible", False, 0),
    "another is taken for the messages that wait": ("orders_backlog", False, 1),
}


@pytest.mark.parametrize(("metric", "in_flight", "notes"), METRICS.values(), ids=METRICS)
def test_the_metric_of_an_hpa_says_what_it_counts(metric: str, in_flight: bool, notes: int) -> None:
    [candidate] = read(hpa(metric)).candidates
    playing = candidate.begin(work())
    assert isinstance(playing, QueueHpa)
    assert playing.in_flight == in_flight
    assert len([each for each in candidate.unchecked if metric in each]) == notes


def test_a_worker_pod_autoscaler_is_played() -> None:
    playing = policy(wpa(minReplicas=1, maxDisruption="10%", secondsToProcessOneJob=0.5))
    assert playing == WorkerPodAutoscaler("wpa/orders", 4, 1, 9, disruption=0.1, seconds_per_job=0.5)


@pytest.mark.parametrize("pods", [3, "3"])
def test_a_disruption_in_pods_is_played(pods: int | str) -> None:
    assert policy(wpa(maxDisruption=pods)) == WorkerPodAutoscaler("wpa/orders", 4, 0, 9, disrupted=3)


def test_policies_keep_their_order_and_can_be_pickled() -> None:
    made = read(scaled_object(), a_pool(), hpa(), wpa()).candidates
    assert [each.name for each in made] == ["so/orders", "qwp/orders", "hpa/orders", "wpa/orders"]
    unpickled = pickle.loads(pickle.dumps(made))  # noqa: S301 -- our own
    assert [each.name for each in unpickled] == [each.name for each in made]


def named(name: str, namespace: str = "") -> str:
    """Return the text of a WorkerPodAutoScaler of this name."""
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return str(yaml.safe_dump(wpa() | {"metadata": metadata}))


NAMED: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "of two names": ([("a", named("x")), ("b", named("z"))], ["wpa/x", "wpa/z"]),
    "of two namespaces": ([("a", named("x", "shop")), ("b", named("x", "lab"))], ["wpa/shop/x", "wpa/lab/x"]),
    "of a namespace and of none": ([("a", named("x")), ("b", named("x", "lab"))], ["wpa/x", "wpa/lab/x"]),
    "of two files": ([("a", named("x")), ("new/b", named("x"))], ["wpa/x (a)", "wpa/x (new/b)"]),
    "of one namespace and two files": (
        [("a", named("x", "lab")), ("b", named("x", "lab"))],
        ["wpa/x (a)", "wpa/x (b)"],
    ),
    "of one file": ([("a", f"{named('x')}---\n{named('x')}---\n{named('x')}")], ["wpa/x", "wpa/x #2", "wpa/x #3"]),
    "of one file twice": ([("a", named("x")), ("a", named("x"))], ["wpa/x", "wpa/x #2"]),
    "of all of it at once": (
        [("a", f"{named('x', 'lab')}---\n{named('x', 'shop')}---\n{named('x', 'lab')}"), ("b", named("x", "lab"))],
        ["wpa/lab/x (a)", "wpa/shop/x", "wpa/lab/x (a) #2", "wpa/lab/x (b)"],
    ),
}


@pytest.mark.parametrize(("files", "names"), NAMED.values(), ids=NAMED)
def test_policies_of_one_name_are_told_apart(files: list[tuple[str, str]], names: list[str]) -> None:
    made = read_manifests(files, NOW).candidates
    assert [each.name for each in made] == names
    assert [each.begin(work()).name for each in made] == names


def test_a_pools_manifest_is_the_first_one_in_its_namespace_or_in_none() -> None:
    pools = [a_pool() | {"metadata": {"name": "orders"} | where} for where in ({}, {"namespace": "shop"}, {})]
    read_pools = read(*pools)
    names = {place: read_pools.pool(NamespacedName(*place)) for place in (("shop", "orders"), ("lab", "orders"))}
    assert [each and each.name for each in names.values()] == ["qwp/shop/orders", "qwp/orders"]
    assert read(pools[1]).pool(NamespacedName("lab", "orders")) is None


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a trigger of another kind": (
        scaled_object(triggers=[SQS, {"type": "cpu", "metadata": {"value": "70"}}]),
        'triggers[1].type: a trigger "cpu" cannot be played: leave it out (one aws-sqs-queue can, and cron beside it)',
    ),
    "two queues": (
        scaled_object(triggers=[SQS, cron(), SQS]),
        "spec.triggers[2]: a second trigger aws-sqs-queue cannot be played, for there is one load: leave one out",
    ),
    "cron alone": (scaled_object(triggers=[cron()]), "spec.triggers: there is no trigger aws-sqs-queue: write one"),
    "no trigger": (scaled_object(triggers=[]), "spec.triggers: there is no trigger aws-sqs-queue: write one"),
    "a cron trigger without a start": (
        scaled_object(triggers=[SQS, cron(start=None)]),
        "spec.triggers[1].metadata.start: it is missing: write one such as 0 8 * * 1-5",
    ),
    "a start of six fields": (
        scaled_object(triggers=[SQS, cron(start="0 0 8 * * *")]),
        'spec.triggers[1].metadata.start: "0 0 8 * * *" has not five fields: write one such as 0 8 * * 1-5',
    ),
    "an end that is no time": (
        scaled_object(triggers=[SQS, cron(end="0 25 * * *")]),
        "spec.triggers[1].metadata.end: start and end must be two times of cron: Bad hour",
    ),
    "an end that never comes": (
        scaled_object(triggers=[SQS, cron(end="0 0 31 2,4 *")]),
        "spec.triggers[1].metadata.end: start ",
    ),
    "an end that is the start": (
        scaled_object(triggers=[SQS, cron(end="0  8 * * ?")]),
        "spec.triggers[1].metadata.end: it is the start, which KEDA refuses: write another one",
    ),
    "a time zone that there is not": (
        scaled_object(triggers=[SQS, cron(timezone="Mars/Olympus")]),
        "spec.triggers[1].metadata.timezone: there is no time zone 'Mars/Olympus'; use a name such as Europe/Berlin",
    ),
    "no replicas": (
        scaled_object(triggers=[SQS, cron(desiredReplicas="0")]),
        "spec.triggers[1].metadata.desiredReplicas: 0 is too little: write 1 or more",
    ),
    "replicas that are missing": (
        scaled_object(triggers=[SQS, cron(desiredReplicas=None)]),
        "spec.triggers[1].metadata.desiredReplicas: it is missing: write a whole number such as 10",
    ),
    "a metric type of a cron trigger": (
        scaled_object(triggers=[SQS, cron() | {"metricType": "Value"}]),
        'spec.triggers[1].metricType: "Value" of a trigger cron cannot be played: only AverageValue can',
    ),
    "a field of a cron trigger that is misspelt": (
        scaled_object(triggers=[SQS, cron(timeZone="UTC")]),
        "spec.triggers[1].metadata.timeZone: it is not known",
    ),
    "triggers that are no list": (scaled_object(triggers="sqs"), "spec.triggers: "),
    "a metric type": (
        scaled_object(triggers=[{"type": "aws-sqs-queue", "metricType": "Utilization"}]),
        'spec.triggers[0].metricType: "Utilization" cannot be played: only AverageValue and Value can',
    ),
    "a field that is misspelt": (
        scaled_object(minReplicas=3),
        "spec.minReplicas: it is not known, so it cannot be played: correct it, or leave it out",
    ),
    "a field of a trigger that is misspelt": (
        scaled_object({"queueLenght": "3"}),
        "spec.triggers[0].metadata.queueLenght: it is not known",
    ),
    "a policy of no pods": (
        hpa(behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 15}]}}),
        "spec.behavior.scaleUp.policies[0].value: no such value is played: correct it",
    ),
    "a window of a day": (
        hpa(behavior={"scaleDown": {"stabilizationWindowSeconds": 86_400}}),
        "spec.behavior.scaleDown.stabilizationWindowSeconds: no such value is played: correct it",
    ),
    "a field of the behavior that is misspelt": (
        hpa(behavior={"scaleUp": {"window": 3}}),
        "spec.behavior.scaleUp.window: it is not known",
    ),
    "a direction that there is not": (
        hpa(behavior={"scaleSideways": {}}),
        "spec.behavior.scaleSideways: it is neither scaleUp nor scaleDown: correct it",
    ),
    "a length of nothing": (
        scaled_object({"queueLength": "0"}),
        "spec.triggers[0].metadata.queueLength: 0 is too little: write 1 or more",
    ),
    "a length that is no number": (
        scaled_object({"queueLength": "many"}),
        'spec.triggers[0].metadata.queueLength: a whole number is needed, and "many" is none',
    ),
    "bounds that cross": (scaled_object(minReplicaCount=9, maxReplicaCount=3), "spec.minReplicaCount: 9 is above"),
    "an idle count that is none": (scaled_object(idleReplicaCount=1), "spec.idleReplicaCount: 1 is not below"),
    "a ScaledJob": (scaled_object() | {"kind": "ScaledJob"}, "kind: a ScaledJob starts a Job per message"),
    "KEDA 1": (scaled_object() | {"apiVersion": "keda.k8s.io/v1alpha1"}, "apiVersion: it is KEDA 1's"),
    "an object without a name": (wpa() | {"metadata": {}}, "metadata.name: it is missing: write a name such as orders"),
    "an HPA of another version": (hpa() | {"apiVersion": "autoscaling/v1"}, "apiVersion: v1 is not read: write it for"),
    "an HPA on CPU": (
        hpa(metrics=[{"type": "Resource", "resource": {"name": "cpu"}}]),
        'spec.metrics[0].type: a metric of type "Resource" cannot be played: only External can',
    ),
    "an HPA that goes to zero": (hpa(minReplicas=0), "spec.minReplicas: an HPA that goes to zero cannot be played"),
    "an HPA by utilization": (
        hpa(metrics=[{"type": "External", "external": {"target": {"type": "Utilization"}}}]),
        'external.target.type: "Utilization" cannot be played: only AverageValue and Value can',
    ),
    "an HPA without a maximum": (hpa(maxReplicas=None), "spec.maxReplicas: it is missing: write the most pods"),
    "a disruption of nothing known": (
        wpa(maxDisruption="few"),
        'spec.maxDisruption: "few" is neither a number of pods nor a share: write one such as 3 or 10%',
    ),
    "a target of nothing": (wpa(targetMessagesPerWorker=0), "spec.targetMessagesPerWorker: 0 is too little"),
    "no time of a job": (wpa(secondsToProcessOneJob="long"), 'spec.secondsToProcessOneJob: "long" is no time: write'),
    "no target": (wpa(targetMessagesPerWorker=None), "spec.targetMessagesPerWorker: it is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("document", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_played_is_refused(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read(document)
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("a.yaml:")


def test_all_errors_are_told_at_once() -> None:
    with pytest.raises(ManifestError) as refused:
        read(wpa(targetMessagesPerWorker=0), a_pool(maxReplicas=-1, pollSeconds=0), "kind: [\n")
    found = str(refused.value).splitlines()
    for said in ("targetMessagesPerWorker: 0", "spec.maxReplicas", "spec.pollSeconds", "it cannot be read"):
        assert any(said in line for line in found)
    assert all(line.startswith("a.yaml:") for line in found)


def test_a_pause_of_keda_is_told() -> None:
    paused = {"name": "orders", "annotations": {"autoscaling.keda.sh/paused": "true", "team": "shop"}}
    [candidate] = read(scaled_object() | {"metadata": paused}).candidates
    assert candidate.unchecked[0] == "autoscaling.keda.sh/paused: it is played as if it were not there"


IMPORTED = {
    "02-comments": ["so/thumbnails"],
    "07-behavior": ["so/video"],
    "08-idle-and-minimum": ["so/search-index"],
    "09-several-queues": "ScaledObject notifications: spec.triggers[1]: a second trigger aws-sqs-queue cannot be",
    "10-office-hours": ["so/documents"],
    "11-other-triggers": 'ScaledObject ranking: spec.triggers[0].type: a trigger "cpu" cannot be played',
    "14-fallback": ["so/scoring", "so/rescoring"],
    "17-other-kinds-of-workload": ["so/sharded", "so/canary", "wpa/bare"],
    "18-hpa-with-exporter": "HorizontalPodAutoscaler shop/payments: spec.metrics[1]: one metric is played",
    "19-hpa-with-adapters": ["hpa/orders", "hpa/crawler", "hpa/feed"],
    "20-worker-pod-autoscaler": ["wpa/sms", "wpa/calls"],
    "21-mixed-with-broken": "source.yaml:4: it is a template",
}


@pytest.mark.parametrize(("fixture", "expected"), IMPORTED.items(), ids=IMPORTED)
def test_what_qwp_import_reads_is_played_or_refused_with_a_sentence(fixture: str, expected: list[str] | str) -> None:
    files = [("source.yaml", (FIXTURES / fixture / "source.yaml").read_text())]
    if isinstance(expected, str):
        with pytest.raises(ManifestError, match=re.escape(expected)):
            read_manifests(files, NOW)
    else:
        assert [each.name for each in read_manifests(files, NOW).candidates] == expected
