"""KEDA's aws-sqs-queue triggers, which a pool has as `queues`, `target`, `count` and `activationMessages`. Pure.

`keda` calls it. KEDA sizes for each trigger alone and takes the maximum; a pool sums its queues.
"""

from dataclasses import dataclass

from queueaddress import is_at_aws, place_of
from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Bound, Draft
from queueworkerpool.importing.keda_identity import note_authentication
from queueworkerpool.importing.queues import put_queues, region_beside, url_of
from queueworkerpool.importing.rules import Rule, carried, losses, lost, unneeded
from queueworkerpool.importing.source import Path, RefusedError
from queueworkerpool.importing.targets import pod_template

DEFAULT_QUEUE_LENGTH = 5
"""KEDA's, in messages per pod."""

_OPERATORS = "the operator reads the queue with its own identity; credentials are never copied"

RULES: tuple[Rule, ...] = (
    carried("type", "queues"),
    carried("metadata.queueURL", "queues[].url", "A name alone needs `--queues-at`."),
    carried(
        "metadata.queueURLFromEnv",
        "queues[].urlFromEnv",
        "Must have a value in the pod template. `queueURL` goes first.",
    ),
    carried("metadata.queueLength", "target.messagesPerPod", "Without it 5, KEDA's default. Of several, the lowest."),
    carried(
        "metadata.activationQueueLength",
        "activationMessages",
        "Only for the step from zero; KEDA also goes back to zero while no more messages than that wait.",
    ),
    carried("metadata.awsRegion", "queues[].region", "Only where the URL does not name it."),
    carried("metadata.scaleOnInFlight", "count.inFlight", "`false` is `Ignore`; `Hold` also keeps the pods that work."),
    carried("metadata.scaleOnDelayed", "count.delayed", "`true` is `Count`."),
    carried("metadata.identityOwner", "", "`operator` is what a pool does; of `pod` is said what happens instead."),
    carried("metadata.awsEndpoint", "", "The operator's setting: `sqsEndpoints` for a host, `sqsEndpointUrl` for AWS."),
    lost("metadata.awsRoleArn", "a role is the operator's setting: `roleArn` of an entry of `tenants`"),
    lost("metadata.awsAccessKeyIDFromEnv", _OPERATORS),
    lost("metadata.awsSecretAccessKeyFromEnv", _OPERATORS),
    lost("metadata.awsSessionTokenFromEnv", _OPERATORS),
    carried("authenticationRef", "", "The operator's identity, or `tenants` for a role; what differs is said."),
    carried(
        "metricType", "", "AverageValue, the default, is what a pool does; of others is said what happens instead."
    ),
    unneeded("name", "The queue's name stands in metrics and status."),
    unneeded("useCachedMetrics", "There is one reading per queue and interval, for all pools."),
)

_MESSAGES = Bound(1, 1_000_000)
_ACTIVATION = Bound(0, 1_000_000)


@dataclass(frozen=True, slots=True)
class _Trigger:
    """One trigger as a pool would have it."""

    at: Path
    queue: dict[str, object]
    per_pod: int
    activation: int
    in_flight: bool
    delayed: bool


def put_triggers(draft: Draft, triggers: list[Path], context: Context) -> None:
    """Set what the pool follows from these triggers, one or more. Raises RefusedError."""
    read = [_trigger(draft, at, context) for at in triggers]
    put_queues(draft, [(each.queue, (*each.at, *_said(draft, each.at))) for each in read], triggers[0][:-1])
    if len(read) > 1:
        text = "the pool sums its queues; KEDA sizes for each and takes the maximum, which is fewer pods"
        draft.note(triggers[0][:-1], text)
    lengths = (*read[0].at, "metadata", "queueLength")
    _tell_difference(draft, read, "queueLength", {each.per_pod for each in read}, "the lowest")
    draft.put(("spec", "target", "messagesPerPod"), min(each.per_pod for each in read), lengths)
    _put_counts(draft, read)


def _put_counts(draft: Draft, read: list[_Trigger]) -> None:
    first = (*read[0].at, "metadata")
    _tell_difference(draft, read, "scaleOnInFlight", {each.in_flight for each in read}, "true")
    _tell_difference(draft, read, "scaleOnDelayed", {each.delayed for each in read}, "true")
    _tell_difference(draft, read, "activationQueueLength", {each.activation for each in read}, "the lowest")
    if not any(each.in_flight for each in read):
        draft.put(("spec", "count", "inFlight"), "Ignore", (*first, "scaleOnInFlight"))
    if any(each.delayed for each in read):
        draft.put(("spec", "count", "delayed"), "Count", (*first, "scaleOnDelayed"))
    if activation := min(each.activation for each in read):
        draft.put(("spec", "activationMessages"), activation, (*first, "activationQueueLength"))
        if "activeMinReplicas" in draft.fields["spec"] or "minReplicas" not in draft.fields["spec"]:
            also = "KEDA also scales in to zero, or idleReplicaCount, while no more than that wait"
            draft.note((*first, "activationQueueLength"), f"it holds for the step from zero; {also}")


def _tell_difference(draft: Draft, read: list[_Trigger], name: str, values: set[int], chosen: str) -> None:
    if len(values) > 1:
        draft.note((*read[0].at, "metadata", name), f"a pool has one for all its queues, and takes {chosen}")


def _trigger(draft: Draft, at: Path, context: Context) -> _Trigger:
    source, metadata = draft.source, (*at, "metadata")
    for path, text in losses(source.mapping(at), at, RULES):
        draft.note(path, text)
    queue = _queue(draft, at, context)
    if source.text((*metadata, "identityOwner")) == "pod":
        text = "the operator reads the queue with its own identity, which needs sqs:GetQueueAttributes on it"
        draft.note((*metadata, "identityOwner"), text)
    if (kind := source.text((*at, "metricType"))) not in ("", "AverageValue"):
        text = f"a pool counts per pod, as with AverageValue; {kind} compares the whole queue with one number"
        draft.note((*at, "metricType"), text)
    note_authentication(draft, at, context, str(queue.get("url", "")))
    if endpoint := source.text((*metadata, "awsEndpoint")):
        draft.note((*metadata, "awsEndpoint"), _endpoint_setting(str(queue.get("url", "")), endpoint))
    length, activation = (*metadata, "queueLength"), (*metadata, "activationQueueLength")
    per_pod = source.integer(length)
    if per_pod is not None and per_pod < 1:
        raise RefusedError(length, f"{per_pod} messages per pod make no size: write 1 or more")
    return _Trigger(
        at=at,
        queue=queue,
        per_pod=draft.bounded(length, DEFAULT_QUEUE_LENGTH if per_pod is None else per_pod, _MESSAGES, "messages"),
        activation=draft.bounded(activation, source.integer(activation) or 0, _ACTIVATION, "messages"),
        in_flight=source.flag((*metadata, "scaleOnInFlight"), default=True),
        delayed=source.flag((*metadata, "scaleOnDelayed"), default=False),
    )


def _endpoint_setting(url: str, endpoint: str) -> str:
    host, port, _ = place_of(url) if url else ("HOST", "", "")
    is_aws = bool(url) and is_at_aws(url)
    setting = f"`sqsEndpointUrl: {endpoint}`" if is_aws else f'`sqsEndpoints: {{"{host}{port}": "{endpoint}"}}`'
    return f"an endpoint is the operator's setting, not the pool's: set {setting} in the chart"


def _said(draft: Draft, at: Path) -> Path:
    return (
        ("metadata", "queueURL")
        if draft.source.text((*at, "metadata", "queueURL"))
        else ("metadata", "queueURLFromEnv")
    )


def _queue(draft: Draft, at: Path, context: Context) -> dict[str, object]:
    source, metadata = draft.source, (*at, "metadata")
    region = source.text((*metadata, "awsRegion"))
    variable = source.text((*metadata, "queueURLFromEnv"))
    if given := source.text((*metadata, "queueURL")):
        url = url_of(given, (*metadata, "queueURL"), context.queues_at)
        beside = region_beside(url, region, (*metadata, "awsRegion"))
        return {"url": url, "region": beside} if beside else {"url": url}
    if not variable:
        example = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"
        raise RefusedError((*metadata, "queueURL"), f"it is missing: write the queue's URL, such as {example}")
    from_env = {"containerName": _container(draft, context, variable, (*metadata, "queueURLFromEnv")), "name": variable}
    return {"urlFromEnv": from_env} | ({"region": region} if region else {})


def _container(draft: Draft, context: Context, variable: str, at: Path) -> str:
    """Return the container that has a variable: the one that is named, else the workload's first, as KEDA takes it."""
    target = ("spec", "scaleTargetRef")
    template = pod_template(draft.source, target, context)
    named = draft.source.text((*target, "envSourceContainerName"))
    if template is None:
        if not named:
            text = "write the container's name here, for a pool needs it, or import the workload's manifest too"
            raise RefusedError((*target, "envSourceContainerName"), f"it is missing: {text}")
        return named
    container = template.container(named)
    if container is None:
        raise RefusedError(at, f"the workload has no container {named or 'at all'}: correct envSourceContainerName")
    if not container.has_literal(variable):
        text = f"a pool reads it only where it stands as a value in the pod template, and container {container.name}"
        draft.note(at, f"{text} has none for {variable}: set it there, or write queueURL")
    return container.name
