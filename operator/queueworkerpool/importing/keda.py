"""KEDA's ScaledObject, as a pool. Pure. `conversion` calls it.

What is written is carried over. What is not written has the pool's default, not KEDA's, but for the bounds and the
messages per pod, which change the size.
"""

from queueworkerpool.importing.behavior import put_behavior
from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Bound, Draft
from queueworkerpool.importing.keda_cron import put_schedules
from queueworkerpool.importing.keda_queues import put_triggers
from queueworkerpool.importing.rules import Rule, carried, losses, lost, unneeded
from queueworkerpool.importing.source import Path, RefusedError, SourceObject, brief
from queueworkerpool.importing.targets import put_target

GROUP, KIND, JOB = "keda.sh", "ScaledObject", "ScaledJob"
OLD_GROUP = "keda.k8s.io"

DEFAULT_MAX_REPLICAS = 100
DEFAULT_POLLING_SECONDS = 30
"""KEDA's."""

SQS, CRON = "aws-sqs-queue", "cron"
_SPEC = ("spec",)
_ADVANCED = ("spec", "advanced")
_PREFIX = "autoscaling.keda.sh/"

RULES: tuple[Rule, ...] = (
    carried("scaleTargetRef.name", "scaleTargetRef.name"),
    carried("scaleTargetRef.kind", "scaleTargetRef.kind", "The operator's setting `scaleTargets` must list it."),
    carried("scaleTargetRef.apiVersion", "scaleTargetRef.apiVersion"),
    carried("scaleTargetRef.envSourceContainerName", "queues[].urlFromEnv.containerName"),
    carried("pollingInterval", "pollSeconds", "Without it 5 s, not 30."),
    carried("cooldownPeriod", "scaleToZeroAfterSeconds", "Without it not 300 s: the last pod's stay is learned."),
    lost("initialCooldownPeriod", "a new pool may go to zero as soon as its queues were empty for long enough"),
    carried("idleReplicaCount", "activeMinReplicas", "0 with a `minReplicaCount` of N is `activeMinReplicas: N`."),
    carried("minReplicaCount", "minReplicas"),
    carried("maxReplicaCount", "maxReplicas", "Without it 100, KEDA's default."),
    carried("fallback.failureThreshold", "fallback.afterSeconds", "Times the pollingInterval."),
    carried("fallback.replicas", "fallback.replicas"),
    carried(
        "fallback.behavior",
        "fallback.when",
        "`static` is `Always`, `currentReplicasIfHigher` is `IfHigher`, `currentReplicas` is a pool without fallback.",
    ),
    lost(
        "advanced.restoreToOriginalReplicaCount",
        "the size stays when the pool is deleted; set the workload's own replicas then (ADR 0017)",
    ),
    unneeded("advanced.horizontalPodAutoscalerConfig.name", "There is no HPA."),
    carried("advanced.horizontalPodAutoscalerConfig.behavior", "behavior", "The same names and meaning."),
    lost("advanced.scalingModifiers", "no formula is computed; the pool sums its queues"),
    carried("triggers", "queues"),
)

ANNOTATIONS: tuple[Rule, ...] = (
    carried("autoscaling.keda.sh/paused", "mode", "`true` is `Paused`."),
    carried("autoscaling.keda.sh/paused-replicas", "mode", "`Paused`; the size stays as it is, whatever the number."),
    carried("autoscaling.keda.sh/paused-scale-in", "behavior.scaleDown.selectPolicy", "`true` is `Disabled`."),
    carried("autoscaling.keda.sh/paused-scale-down", "behavior.scaleDown.selectPolicy", "`true` is `Disabled`."),
    carried("autoscaling.keda.sh/paused-scale-out", "behavior.scaleUp.selectPolicy", "`true` is `Disabled`."),
    lost("autoscaling.keda.sh/force-activation", "no pod is kept at work without messages; minReplicas keeps some"),
    unneeded("scaledobject.keda.sh/transfer-hpa-ownership", "There is no HPA."),
    unneeded("scaledobject.keda.sh/hpa-excluded-labels", "There is no HPA."),
    unneeded("validations.keda.sh/hpa-ownership", "There is no HPA."),
)
_KEDAS = ("autoscaling.keda.sh/", "scaledobject.keda.sh/", "validations.keda.sh/")

_POLL = Bound(1, 300)
_ZERO = Bound(0, 86_400)
_AFTER = Bound(1, 86_400)
_REPLICAS = Bound(0, 100_000)


def refuse_other_kinds(source: SourceObject) -> None:
    """Raise RefusedError for what KEDA has and no pool can be."""
    if source.kind == JOB:
        text = "a ScaledJob starts a Job per message, and a pool scales a workload that stays: make it a Deployment"
        raise RefusedError(("kind",), text)
    if source.group == OLD_GROUP:
        raise RefusedError(("apiVersion",), "it is KEDA 1's: write it for keda.sh/v1alpha1, as KEDA 2 needs it too")


def convert(source: SourceObject, context: Context) -> Draft:
    """Return the pool of a ScaledObject, not yet validated. Raises RefusedError."""
    draft = Draft(source)
    draft.put_metadata()
    for path, text in losses(source.mapping(_SPEC), _SPEC, RULES):
        draft.note(path, text)
    put_target(draft, (*_SPEC, "scaleTargetRef"))
    _put_bounds(draft)
    _put_times(draft)
    _put_fallback(draft)
    put_behavior(draft, (*_ADVANCED, "horizontalPodAutoscalerConfig", "behavior"))
    _put_pauses(draft)
    _put_triggers(draft, context)
    return draft


def _put_triggers(draft: Draft, context: Context) -> None:
    source, at = draft.source, (*_SPEC, "triggers")
    by_type: dict[str, list[Path]] = {}
    for path in source.objects(at):
        by_type.setdefault(source.required_text((*path, "type"), SQS), []).append(path)
    if SQS not in by_type:
        raise RefusedError(at, f"no trigger is of the type {SQS}, and a pool follows SQS queues: leave it with KEDA")
    put_triggers(draft, by_type.pop(SQS), context)
    put_schedules(draft, by_type.pop(CRON, []), draft.fields["spec"]["maxReplicas"])
    for kind, paths in by_type.items():
        for path in paths:
            draft.note(path, f"the pool follows its queues alone, and not the trigger {brief(kind)}")


def _put_bounds(draft: Draft) -> None:
    low, high, idle = ((*_SPEC, name) for name in ("minReplicaCount", "maxReplicaCount", "idleReplicaCount"))
    draft.put_sizes(low, high, least=0, most=DEFAULT_MAX_REPLICAS)
    at_rest = draft.source.integer(idle)
    if at_rest is None:
        return
    least = draft.fields["spec"].pop("minReplicas", 0)
    if not 0 <= at_rest < least:
        raise RefusedError(idle, f"{at_rest} is not below minReplicaCount, {least}, as KEDA needs it: correct one")
    draft.put(("spec", "activeMinReplicas"), least, low)
    if at_rest:
        draft.put(("spec", "minReplicas"), at_rest, idle)


def _put_times(draft: Draft) -> None:
    poll, cooldown = (*_SPEC, "pollingInterval"), (*_SPEC, "cooldownPeriod")
    if (seconds := draft.source.integer(poll)) is not None:
        draft.put(("spec", "pollSeconds"), draft.bounded(poll, seconds, _POLL, "seconds"), poll)
    if (seconds := draft.source.integer(cooldown)) is not None:
        draft.put(("spec", "scaleToZeroAfterSeconds"), draft.bounded(cooldown, seconds, _ZERO, "seconds"), cooldown)


_FALLBACKS = {"": "Always", "static": "Always", "currentReplicasIfHigher": "IfHigher", "currentReplicas": ""}


def _put_fallback(draft: Draft) -> None:
    source, at = draft.source, (*_SPEC, "fallback")
    if not source.mapping(at):
        return
    failures = source.required_integer((*at, "failureThreshold"))
    replicas = draft.bounded((*at, "replicas"), source.required_integer((*at, "replicas")), _REPLICAS, "pods")
    kind = source.text((*at, "behavior"))
    if kind not in _FALLBACKS:
        text = f"{brief(kind)} has no equal; the size stays while no queue can be read"
        draft.note((*at, "behavior"), text)
    if not (when := _FALLBACKS.get(kind)):
        return
    polling = source.integer((*_SPEC, "pollingInterval"))
    seconds = failures * (DEFAULT_POLLING_SECONDS if polling is None else polling)
    after = draft.bounded((*at, "failureThreshold"), seconds, _AFTER, "seconds")
    draft.put(("spec", "fallback", "afterSeconds"), after, (*at, "failureThreshold"))
    draft.put(("spec", "fallback", "replicas"), replicas, (*at, "replicas"))
    draft.put(("spec", "fallback", "when"), when, (*at, "behavior"))


def _put_pauses(draft: Draft) -> None:
    source, at = draft.source, ("metadata", "annotations")
    written = {key: value for key, value in source.mapping(at).items() if key.startswith(_KEDAS)}
    for path, text in losses(written, at, ANNOTATIONS):
        draft.note(path, text)
    for key, direction in (
        ("paused-scale-in", "scaleDown"),
        ("paused-scale-down", "scaleDown"),
        ("paused-scale-out", "scaleUp"),
    ):
        if _is_set(written.get(_PREFIX + key)):
            draft.put(("spec", "behavior", direction, "selectPolicy"), "Disabled", (*at, _PREFIX + key))
    replicas = (*at, _PREFIX + "paused-replicas")
    if source.find(replicas) is not None:
        draft.put(("spec", "mode"), "Paused", replicas)
        draft.note(replicas, f"the paused size stays as it is; KEDA had set {brief(source.find(replicas))}")
    if _is_set(written.get(_PREFIX + "paused")):
        draft.put(("spec", "mode"), "Paused", (*at, _PREFIX + "paused"))


def _is_set(value: object) -> bool:
    """Return whether KEDA takes an annotation for true: all but what Go reads as false."""
    return value is not None and value not in (False, "0", "f", "F", "false", "FALSE", "False")
