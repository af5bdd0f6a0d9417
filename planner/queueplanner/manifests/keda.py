"""KEDA's ScaledObject as a candidate. Pure. `reading` calls it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from queueplanner.manifests.behavior import behavior
from queueplanner.manifests.fields import SPEC, played, told, unplayed, whole
from queueplanner.manifests.keda_cron import cron_trigger
from queueplanner.play import Candidate
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.presets import RIVALS
from queueplanner.simulation import MONDAY
from queueplanner.work import Work
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.keda import (
    CRON,
    DEFAULT_MAX_REPLICAS,
    DEFAULT_POLLING_SECONDS,
    GROUP,
    JOB,
    KIND,
    OLD_GROUP,
    SQS,
    refuse_other_kinds,
)
from queueworkerpool.importing.keda_queues import DEFAULT_QUEUE_LENGTH
from queueworkerpool.importing.source import Path, RefusedError, SourceObject, brief

KINDS = ((GROUP, KIND.lower()), (GROUP, JOB.lower()), (OLD_GROUP, KIND.lower()), (OLD_GROUP, JOB.lower()))
SHORT_NAME = "so"
DEFAULT_COOLDOWN_SECONDS = 300
_BEHAVIOR = (*SPEC, "advanced", "horizontalPodAutoscalerConfig", "behavior")

RULES = (
    *played(
        "scaleTargetRef",
        "pollingInterval",
        "cooldownPeriod",
        "idleReplicaCount",
        "minReplicaCount",
        "maxReplicaCount",
        "advanced.restoreToOriginalReplicaCount",
        "advanced.horizontalPodAutoscalerConfig.name",
        "advanced.horizontalPodAutoscalerConfig.behavior",
        "triggers",
    ),
    unplayed("initialCooldownPeriod", "it is over when the load begins"),
    unplayed("fallback", "it is never used, for the queue can always be read here"),
    unplayed("advanced.scalingModifiers", "no formula is computed"),
)
_DATES = f"its cron triggers are played as if a load without dates began on a {MONDAY:%A} at midnight UTC"
_ANNOTATIONS = ("metadata", "annotations")
_PREFIX = "autoscaling.keda.sh/"
TRIGGER_RULES = (
    *played(
        "type",
        "name",
        "metricType",
        "useCachedMetrics",
        "authenticationRef",
        "metadata.queueURL",
        "metadata.queueURLFromEnv",
        "metadata.queueLength",
        "metadata.activationQueueLength",
        "metadata.scaleOnInFlight",
        "metadata.awsRegion",
        "metadata.awsEndpoint",
        "metadata.awsRoleArn",
        "metadata.identityOwner",
        "metadata.awsAccessKeyIDFromEnv",
        "metadata.awsSecretAccessKeyFromEnv",
        "metadata.awsSessionTokenFromEnv",
    ),
    unplayed("metadata.scaleOnDelayed", "no message is sent with a delay here"),
)


def candidate(name: str, source: SourceObject) -> Candidate:
    """Return the candidate of a ScaledObject. Raises RefusedError."""
    refuse_other_kinds(source)
    said = [f"{key}: it is played as if it were not there" for key in _of_keda(source)]
    said += told(source, SPEC, RULES)
    trigger, crons = _triggers(source)
    said += told(source, trigger, TRIGGER_RULES)
    if (metric := source.text((*trigger, "metricType"))) not in ("", "AverageValue", "Value"):
        problem = f"{brief(metric)} cannot be played: only AverageValue and Value can"
        raise RefusedError((*trigger, "metricType"), problem)
    said += [_DATES] if crons else []
    scaled = _spec(source, (*trigger, "metadata"))
    spec = replace(scaled, is_value=metric == "Value", crons=tuple(cron_trigger(source, at) for at in crons))
    return Candidate(
        name,
        partial(_begin, name, spec),
        most=spec.max_replicas,
        replicas=spec.min_replicas,
        unchecked=(*said, *RIVALS["keda"].unchecked),
    )


def _triggers(source: SourceObject) -> tuple[Path, list[Path]]:
    """Return the trigger of the queue, and those of cron. Raises RefusedError when there are others."""
    found: dict[str, list[Path]] = {SQS: [], CRON: []}
    for path in source.objects((*SPEC, "triggers")):
        kind = source.required_text((*path, "type"), SQS)
        if kind not in found:
            problem = f"a trigger {brief(kind)} cannot be played: leave it out (one {SQS} can, and {CRON} beside it)"
            raise RefusedError((*path, "type"), problem)
        found[kind].append(path)
    queues = found[SQS]
    if not queues:
        raise RefusedError((*SPEC, "triggers"), f"there is no trigger {SQS}: write one")
    if len(queues) > 1:
        problem = f"a second trigger {SQS} cannot be played, for there is one load: leave one out"
        raise RefusedError(queues[1], problem)
    return queues[0], found[CRON]


def _of_keda(source: SourceObject) -> Iterator[str]:
    """Yield the annotations by which KEDA is paused, or told otherwise."""
    return (key for key in source.mapping(_ANNOTATIONS) if key.startswith(_PREFIX))


def _begin(name: str, spec: ScaledObject, _: Work) -> Keda:
    return Keda(name, spec)


def _spec(source: SourceObject, metadata: Path) -> ScaledObject:
    draft = Draft(source, {"spec": {}})
    low = (*SPEC, "minReplicaCount")
    draft.put_sizes(low, (*SPEC, "maxReplicaCount"), least=0, most=DEFAULT_MAX_REPLICAS)
    least = draft.fields["spec"].get("minReplicas", 0)
    return ScaledObject(
        queue_length=whole(source, (*metadata, "queueLength"), DEFAULT_QUEUE_LENGTH, 1),
        min_replicas=least,
        max_replicas=draft.fields["spec"]["maxReplicas"],
        polling_seconds=whole(source, (*SPEC, "pollingInterval"), DEFAULT_POLLING_SECONDS, 1),
        cooldown_seconds=whole(source, (*SPEC, "cooldownPeriod"), DEFAULT_COOLDOWN_SECONDS, 0),
        activation=whole(source, (*metadata, "activationQueueLength"), 0, 0),
        idle_replicas=_idle(source, least),
        in_flight=source.flag((*metadata, "scaleOnInFlight"), default=True),
        behavior=behavior(source, _BEHAVIOR),
    )


def _idle(source: SourceObject, least: int) -> int | None:
    path = (*SPEC, "idleReplicaCount")
    if source.integer(path) is None:
        return None
    idle = whole(source, path, 0, 0)
    if idle >= least:
        raise RefusedError(path, f"{idle} is not below minReplicaCount, {least}, as KEDA needs it: correct one")
    return idle
