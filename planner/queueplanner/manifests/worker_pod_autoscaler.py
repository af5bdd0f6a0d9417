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
_DISRUPTION = re.compile(r"([0-9]{1,9})(%?)")
_Settings = tuple[int, int, int, float, float, int | None]


def candidate(name: str, source: SourceObject) -> Candidate:
    """Return the candidate of a WorkerPodAutoScaler. Raises RefusedError."""
    said = tuple(told(source, SPEC, RULES))
    draft = Draft(source, {"spec": {}})
    draft.put_sizes((*SPEC, "minReplicas"), (*SPEC, "maxReplicas"), least=0, most=None)
    per_pod = (*SPEC, "targetMessagesPerWorker")
    source.required_integer(per_pod)
    most = draft.fields["spec"]["maxReplicas"]
    least = draft.fields["spec"].get("minReplicas", 0)
    share, pods = _disruption(source)
    settings = (whole(source, per_pod, 0, 1), least, most, share, _seconds(source), pods)
    begin, unchecked = partial(_begin, name, settings), (*said, *RIVALS["wpa"].unchecked)
    return Candidate(name, begin, most=most, replicas=least, unchecked=unchecked)


def _begin(name: str, settings: _Settings, _: Work) -> WorkerPodAutoscaler:
    return WorkerPodAutoscaler(name, *settings)


def _disruption(source: SourceObject) -> tuple[float, int | None]:
    """Return the share of the pods that may go at once, and their number if that is what is said."""
    path = (*SPEC, "maxDisruption")
    found = source.find(path)
    parsed = _DISRUPTION.fullmatch("100%" if found is None else str(found))
    if parsed is None:
        raise RefusedError(path, f"{brief(found)} is neither a number of pods nor a share: write one such as 3 or 10%")
    value, is_share = int(parsed[1]), bool(parsed[2])
    return (value / 100, None) if is_share else (1.0, value)


def _seconds(source: SourceObject) -> float:
    path = (*SPEC, "secondsToProcessOneJob")
    found = source.find(path)
    seconds = quantity(0 if found is None else found)
    if seconds is None or seconds < 0:
        raise RefusedError(path, f"{brief(found)} is no time: write seconds such as 0.5, or 0")
    return float(seconds)
