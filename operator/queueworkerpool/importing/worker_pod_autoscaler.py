"""practo's WorkerPodAutoScaler, as a pool. Pure. `conversion` calls it."""

import re

from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Bound, Draft
from queueworkerpool.importing.queues import put_queues, url_of
from queueworkerpool.importing.rules import Rule, carried, losses, lost, unneeded
from queueworkerpool.importing.source import RefusedError, SourceObject, brief

GROUP, KIND = "k8s.practo.dev", "WorkerPodAutoScaler"

RULES: tuple[Rule, ...] = (
    carried("deploymentName", "scaleTargetRef.name"),
    carried("replicaSetName", "scaleTargetRef", "With apiVersion apps/v1 and kind ReplicaSet."),
    carried("minReplicas", "minReplicas"),
    carried("maxReplicas", "maxReplicas"),
    carried("queueURI", "queues[].url"),
    carried("targetMessagesPerWorker", "target.messagesPerPod"),
    carried("maxDisruption", "behavior.scaleDown.policies", "In 600 s, the time that it waits between two steps down."),
    lost(
        "secondsToProcessOneJob",
        "no pods are kept by the rate of messages; `target.latencySeconds` with `serviceSeconds` sizes by time",
    ),
    unneeded("disruptable", "Nothing reads it."),
)

_SPEC = ("spec",)
_DISRUPTION = re.compile(r"([0-9]{1,6})(%?)")
_ALL_PERCENT = 100
_BETWEEN_STEPS_SECONDS = 600
_MESSAGES = Bound(1, 1_000_000)


def convert(source: SourceObject, context: Context) -> Draft:
    """Return the pool of a WorkerPodAutoScaler, not yet validated. Raises RefusedError."""
    draft = Draft(source)
    draft.put_metadata()
    for path, text in losses(source.mapping(_SPEC), _SPEC, RULES):
        draft.note(path, text)
    _put_target(draft)
    queue, per_pod = (*_SPEC, "queueURI"), (*_SPEC, "targetMessagesPerWorker")
    given = source.required_text(queue, "https://sqs.eu-west-1.amazonaws.com/123456789012/orders")
    put_queues(draft, [({"url": url_of(given, queue, context.queues_at)}, queue)], queue)
    draft.put_sizes((*_SPEC, "minReplicas"), (*_SPEC, "maxReplicas"), least=0, most=None)
    messages = draft.bounded(per_pod, source.required_integer(per_pod), _MESSAGES, "messages")
    draft.put(("spec", "target", "messagesPerPod"), messages, per_pod)
    _put_disruption(draft)
    return draft


def _put_target(draft: Draft) -> None:
    deployment, replica_set = (*_SPEC, "deploymentName"), (*_SPEC, "replicaSetName")
    if name := draft.source.text(replica_set):
        draft.put(("spec", "scaleTargetRef", "apiVersion"), "apps/v1", replica_set)
        draft.put(("spec", "scaleTargetRef", "kind"), "ReplicaSet", replica_set)
        draft.put(("spec", "scaleTargetRef", "name"), name, replica_set)
        return
    name = draft.source.required_text(deployment, "orders-worker")
    draft.put(("spec", "scaleTargetRef", "name"), name, deployment)


def _put_disruption(draft: Draft) -> None:
    at = (*_SPEC, "maxDisruption")
    found = draft.source.find(at)
    if found is None:
        return
    parsed = _DISRUPTION.fullmatch(str(found))
    if parsed is None:
        raise RefusedError(at, f"{brief(found)} is neither a number of pods nor a share: write one such as 3 or 10%")
    value, is_share = int(parsed[1]), bool(parsed[2])
    if is_share and value >= _ALL_PERCENT:
        return
    if value == 0:
        draft.put(("spec", "behavior", "scaleDown", "selectPolicy"), "Disabled", at)
        draft.note(at, "no pod goes at all; worker-pod-autoscaler lets all go once nobody receives messages any more")
        return
    kind = "Percent" if is_share else "Pods"
    policy = {"type": kind, "value": min(value, 100_000), "periodSeconds": _BETWEEN_STEPS_SECONDS}
    draft.put(("spec", "behavior", "scaleDown", "policies"), [policy], at)
