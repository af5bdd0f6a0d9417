"""KEDA's ScaledObject as a candidate. Pure. `reading` calls it."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from queueplanner.manifests.behavior import behavior
from queueplanner.manifests.fields import SPEC, only, played, told, unplayed, whole
from queueplanner.play import Candidate
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.presets import RIVALS
from queueplanner.work import Work
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.keda import (
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
    trigger = only(source, (*SPEC, "triggers"), "trigger")
    if (kind := source.required_text((*trigger, "type"), SQS)) != SQS:
        raise RefusedError((*trigger, "type"), f"a trigger {brief(kind)} cannot be played: only {SQS} can")
    said += told(source, trigger, TRIGGER_RULES)
    if (metric := source.text((*trigger, "metricType"))) not in ("", "AverageValue", "Value"):
        problem = f"{brief(metric)} cannot be played: only AverageValue and Value can"
        raise RefusedError((*trigger, "metricType"), problem)
    spec = replace(_spec(source, (*trigger, "metadata")), is_value=metric == "Value")
    return Candidate(
        name,
        partial(_begin, name, spec),
        most=spec.max_replicas,
        replicas=spec.min_replicas,
        unchecked=(*said, *RIVALS["keda"].unchecked),
    )


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
