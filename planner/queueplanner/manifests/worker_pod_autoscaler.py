"""practo's WorkerPodAutoScaler as a candidate. Pure. `reading` calls it."""

import re
from functools import partial

from queueplanner.manifests.fields import SPEC, played, told, unplayed, whole
from queueplanner.play import Candidate
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueplanner.presets import RIVALS
from queueplanner.work import Work
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.source import RefusedError, SourceObject, brief
from queueworkerpool.importing.worker_pod_autoscaler import GROUP, KIND

KINDS = ((GROUP, KIND.lower()),)
SHORT_NAME = "wpa"
RULES = (
    *played(
        "deploymentName",
        "replicaSetName",
        "minReplicas",
        "maxReplicas",
        "queueURI",
        "targetMessagesPerWorker",
        "maxDisruption",
        "disruptable",
    ),
    unplayed("secondsToProcessOneJob", "the pods that it keeps by the rate of messages are not played"),
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
    settings = (
        whole(source, per_pod, 0, 1),
        draft.fields["spec"].get("minReplicas", 0),
        most,
        _disruption(source),
    )
    return Candidate(name, partial(_begin, name, settings), most=most, unchecked=(*said, *RIVALS["wpa"].unchecked))


def _begin(name: str, settings: tuple[int, int, int, float], _: Work) -> WorkerPodAutoscaler:
    return WorkerPodAutoscaler(name, *settings)


def _disruption(source: SourceObject) -> float:
    path = (*SPEC, "maxDisruption")
    if (found := source.find(path)) is None:
        return 1.0
    share = _SHARE.fullmatch(str(found))
    if share is None:
        raise RefusedError(path, f"{brief(found)} cannot be played: only a share such as 10% can")
    return int(share[1]) / 100
