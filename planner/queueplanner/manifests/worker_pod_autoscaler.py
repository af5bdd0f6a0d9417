"""practo's WorkerPodAutoScaler as a candidate. Pure. `reading` calls it."""

import re
from functools import partial

from queueplanner.manifests.fields import SPEC, played, told, whole
from queueplanner.play import Candidate
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueplanner.presets import RIVALS
from queueplanner.work import Work
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.quantities import quantity
from queueworkerpool.importing.source import RefusedError, SourceObject, brief
from queueworkerpool.importing.worker_pod_autoscaler import GROUP, KIND

KINDS = ((GROUP, KIND.lower()),)
SHORT_NAME = "wpa"
RULES = played(
    "deploymentName",
    "replicaSetName",
    "minReplicas",
    "maxReplicas",
    "queueURI",
    "targetMessagesPerWorker",
    "maxDisruption",
    "disruptable",
    "secondsToProcessOneJob",
)
_SHARE = re.compile(r"([0-9]{1,3})%")


def candidate(name: str, source: SourceObject) -> Candidate:
    """Return the candidate of a WorkerPodAutoScaler. Raises RefusedError."""
    said = tuple(told(source, SPEC, RULES))
    draft = Draft(source, {"spec": {}})
    draft.put_sizes((*SPEC, "minReplicas"), (*SPEC, "maxReplicas"), least=0, most=None)
    per_pod = (*SPEC, "targetMessagesPerWorker")
    source.required_integer(per_pod)
    most = draft.fields["spec"]["maxReplicas"]
    least = draft.fields["spec"].get("minReplicas", 0)
    settings = (
        whole(source, per_pod, 0, 1),
        least,
        most,
        _disruption(source),
        _seconds(source),
    )
    begin, unchecked = partial(_begin, name, settings), (*said, *RIVALS["wpa"].unchecked)
    return Candidate(name, begin, most=most, replicas=least, unchecked=unchecked)


def _begin(name: str, settings: tuple[int, int, int, float, float], _: Work) -> WorkerPodAutoscaler:
    return WorkerPodAutoscaler(name, *settings)


def _disruption(source: SourceObject) -> float:
    path = (*SPEC, "maxDisruption")
    if (found := source.find(path)) is None:
        return 1.0
    share = _SHARE.fullmatch(str(found))
    if share is None:
        raise RefusedError(path, f"{brief(found)} cannot be played: only a share such as 10% can")
    return int(share[1]) / 100


def _seconds(source: SourceObject) -> float:
    path = (*SPEC, "secondsToProcessOneJob")
    found = source.find(path)
    seconds = quantity(0 if found is None else found)
    if seconds is None or seconds < 0:
        raise RefusedError(path, f"{brief(found)} is no time: write seconds such as 0.5, or 0")
    return float(seconds)
