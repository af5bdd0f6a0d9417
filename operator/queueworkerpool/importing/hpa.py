"""An HPA of autoscaling/v2 on an external metric of SQS, as a pool. Pure. `conversion` calls it.

An HPA names a metric, and each adapter names its metrics differently; `_queue` knows four of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from queueworkerpool.importing.behavior import put_behavior
from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Bound, Draft
from queueworkerpool.importing.quantities import quantity
from queueworkerpool.importing.queues import put_queues, region_beside, url_of
from queueworkerpool.importing.rules import Rule, carried, losses
from queueworkerpool.importing.source import Path, RefusedError, SourceObject, brief
from queueworkerpool.importing.targets import put_target

GROUP, KIND, VERSION = "autoscaling", "HorizontalPodAutoscaler", "v2"
EXTERNAL_METRIC_GROUP, EXTERNAL_METRIC = "metrics.aws", "ExternalMetric"

RULES: tuple[Rule, ...] = (
    carried("scaleTargetRef.name", "scaleTargetRef.name"),
    carried("scaleTargetRef.kind", "scaleTargetRef.kind", "The operator's setting `scaleTargets` must list it."),
    carried("scaleTargetRef.apiVersion", "scaleTargetRef.apiVersion"),
    carried("minReplicas", "minReplicas", "Without it 1, the HPA's default."),
    carried("maxReplicas", "maxReplicas"),
    carried("behavior", "behavior", "The same names and meaning."),
    carried("metrics", "queues", "External metrics of SQS; of others is said that the pool does not follow them."),
)

_SPEC = ("spec",)
_KEDAS = re.compile(r"s[0-9]+-aws-sqs-(.+)")
_EXPORTERS = re.compile(r"aws_sqs_approximate_number_of_messages_(visible|not_visible|delayed)(_[a-z]+)?")
_QUEUE_LABELS = ("queue_name", "dimension_QueueName", "dimension_queue_name", "QueueName")
_CLOUDWATCH = {
    "ApproximateNumberOfMessagesVisible": "visible",
    "ApproximateNumberOfMessagesNotVisible": "not_visible",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
_MESSAGES = Bound(1, 1_000_000)


@dataclass(frozen=True, slots=True)
class _Queue:
    """What a metric says: a queue's name, perhaps its region, and the counts that it has.

    `is_guessed`: the metric's name does not tell a FIFO queue from another one.
    """

    name: str
    counts: frozenset[str]
    region: str = ""
    is_guessed: bool = False


@dataclass(frozen=True, slots=True)
class _Metric:
    at: Path
    queue: _Queue
    per_pod: int


def is_on_sqs(source: SourceObject, context: Context) -> bool:
    """Return whether an HPA has a metric of an SQS queue."""
    metrics = source.find((*_SPEC, "metrics"))
    indices = range(len(metrics)) if isinstance(metrics, list) else ()
    return any(_queue(source, (*_SPEC, "metrics", index), context) for index in indices)


def refuse_unknown_metrics(source: SourceObject) -> None:
    """Raise RefusedError for an HPA whose metric has SQS in its name, and none that is known: it must not be missed."""
    metrics = source.find((*_SPEC, "metrics"))
    for index in range(len(metrics)) if isinstance(metrics, list) else ():
        at = (*_SPEC, "metrics", index)
        for path in (("external", "metric", "name"), ("external", "metricName"), ("object", "metric", "name")):
            if isinstance(name := source.find((*at, *path)), str) and "sqs" in name.lower():
                text = "seems to be a metric of SQS, and of which queue is not known: write the pool by hand"
                raise RefusedError((*at, *path), f"{brief(name)} {text}")


def convert(source: SourceObject, context: Context) -> Draft:
    """Return the pool of an HPA, not yet validated. Raises RefusedError."""
    if owner := _scaled_object(source):
        raise RefusedError(("metadata",), f"it is KEDA's own, of the ScaledObject {brief(owner)}: import that one")
    if source.version != VERSION:
        raise RefusedError(("apiVersion",), f"{source.version} is not read: write it for autoscaling/v2")
    draft = Draft(source)
    draft.put_metadata()
    for path, text in losses(source.mapping(_SPEC), _SPEC, RULES):
        draft.note(path, text)
    put_target(draft, (*_SPEC, "scaleTargetRef"))
    draft.put_sizes((*_SPEC, "minReplicas"), (*_SPEC, "maxReplicas"), least=1, most=None)
    put_behavior(draft, (*_SPEC, "behavior"))
    _put_metrics(draft, list(_metrics(draft, context)), context.queues_at)
    return draft


def _put_metrics(draft: Draft, metrics: list[_Metric], queues_at: str) -> None:
    at = (*_SPEC, "metrics")
    if len(metrics) > 1:
        draft.note(at, "the pool sums its queues; the HPA sizes for each metric and takes the maximum")
    put_queues(draft, [(_entry(each, queues_at), (*each.at, "external", "metric")) for each in metrics], at)
    lowest = min(metrics, key=lambda each: each.per_pod)
    if len({each.per_pod for each in metrics}) > 1:
        draft.note(
            (*metrics[0].at, "external", "target"), "a pool has one target for all its queues, and takes the lowest"
        )
    draft.put(("spec", "target", "messagesPerPod"), lowest.per_pod, (*lowest.at, "external", "target"))
    counts = frozenset[str]().union(*(each.queue.counts for each in metrics))
    if "not_visible" not in counts:
        draft.put(("spec", "count", "inFlight"), "Ignore", at)
    if "delayed" in counts:
        draft.put(("spec", "count", "delayed"), "Count", at)


def _entry(metric: _Metric, queues_at: str) -> dict[str, object]:
    at = (*metric.at, "external", "metric")
    url = url_of(metric.queue.name, at, queues_at)
    region = region_beside(url, metric.queue.region, at)
    return {"url": url, "region": region} if region else {"url": url}


def _metrics(draft: Draft, context: Context) -> Iterator[_Metric]:
    source = draft.source
    for at in source.objects((*_SPEC, "metrics")):
        if found := _queue(source, at, context):
            if found.is_guessed:
                text = f"KEDA writes a dash for a dot, so it is read as the FIFO queue {brief(found.name)}"
                draft.note((*at, "external", "metric", "name"), text)
            yield _Metric(at, found, _per_pod(draft, (*at, "external", "target")))
        else:
            kind = source.required_text((*at, "type"), "External")
            draft.note(at, f"the pool follows its queues alone, and not this metric of type {kind}")


def _per_pod(draft: Draft, at: Path) -> int:
    source = draft.source
    kind = source.required_text((*at, "type"), "AverageValue")
    field = "value" if kind == "Value" else "averageValue"
    number = quantity(source.find((*at, field)))
    if number is None or number <= 0:
        raise RefusedError((*at, field), "a number above zero is needed: write one such as 10")
    if kind == "Value":
        text = "a pool counts per pod, as with AverageValue; Value compares the whole queue with one number"
        draft.note((*at, "type"), text)
    if number != ceil(number):
        draft.note((*at, field), f"a pool takes whole messages per pod, so it is {ceil(number)}")
    return draft.bounded((*at, field), ceil(number), _MESSAGES, "messages")


def _queue(source: SourceObject, at: Path, context: Context) -> _Queue | None:
    """Return the queue of a metric, as KEDA, exporters of CloudWatch or one of two adapters name it."""
    metric = source.find((*at, "external", "metric"))
    name = metric.get("name") if isinstance(metric, dict) else None
    if not isinstance(name, str):
        return None
    labels = source.find((*at, "external", "metric", "selector", "matchLabels"))
    labels = labels if isinstance(labels, dict) else {}
    if found := _KEDAS.fullmatch(name):
        # KEDA writes a dash in place of a dot, and a queue's name holds a dot only before "fifo".
        queue = re.sub(r"-fifo$", ".fifo", found[1])
        return _Queue(queue, frozenset({"visible", "not_visible"}), is_guessed=queue != found[1])
    if found := _EXPORTERS.fullmatch(name):
        return _labelled(labels, _QUEUE_LABELS, frozenset({found[1]}))
    if labels.get("type") == "sqs-queue-length":
        return _labelled(labels, ("queue-name",), frozenset({"visible"}), str(labels.get("region", "")))
    return _of_adapter(source, name, context)


def _labelled(
    labels: Mapping[str, Any], names: tuple[str, ...], counts: frozenset[str], region: str = ""
) -> _Queue | None:
    queue = next((labels[name] for name in names if isinstance(labels.get(name), str)), None)
    return _Queue(queue, counts, region) if queue else None


def _of_adapter(source: SourceObject, name: str, context: Context) -> _Queue | None:
    """Return the queue of an ExternalMetric of the Kubernetes CloudWatch adapter."""
    found = context.find(EXTERNAL_METRIC_GROUP, EXTERNAL_METRIC, source.namespace, name)
    if found is None:
        return None
    stat: Path = ("spec", "queries", 0, "metricStat", "metric")
    count = _CLOUDWATCH.get(str(found.find((*stat, "metricName"))))
    queue = found.find((*stat, "dimensions", 0, "value"))
    return _Queue(queue, frozenset({count})) if count and isinstance(queue, str) else None


def _scaled_object(source: SourceObject) -> str:
    """Return the name of the ScaledObject that an HPA belongs to; empty when it belongs to none."""
    owners = source.find(("metadata", "ownerReferences"))
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict) and owner.get("kind") == "ScaledObject":
            return str(owner.get("name", ""))
    label = source.find(("metadata", "labels", "scaledobject.keda.sh/name"))
    return label if isinstance(label, str) else ""
