"""What people use instead, under the names that `qwp simulate --rival` takes: with defaults, and as an expert sets it.

A preset makes a candidate; its target follows the recipe that its own documentation gives. `RIVALS` is the table of
them. It plays nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from queueplanner.play import Candidate, unchanged
from queueplanner.policies.hpa import Hpa, Policy, Rules
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.policies.kube_sqs_autoscaler import KubeSqsAutoscaler
from queueplanner.policies.queue_hpa import QueueHpa
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueplanner.simulation import Policy as Sizing
from queueplanner.work import Work

USUAL_TARGET = 5
"""Messages per pod where nobody said how long a message may wait: KEDA's default."""
EXPERT_GRACE_SECONDS = 3600.0
EXPERT_BEHAVIOR = (Rules(0, (Policy(900, 15, percent=True),)), Rules(15, (Policy(100, 15, percent=True),)))
"""Up to ten times as many at each sync, and 15 seconds before pods go."""


@dataclass(frozen=True, slots=True)
class Request:
    """For what a preset is made.

    Args:
        name: What people call it.
        most: The most pods.
        slo_seconds: How long a message may wait; None: nobody said.
    """

    name: str
    most: int
    slo_seconds: float | None

    def per_pod(self, work: Work) -> int:
        """Return the messages per pod by the usual recipe: how long a message may wait, over how long one takes."""
        return self._messages(work, 0.0)

    def expert_per_pod(self, work: Work) -> int:
        """Return the messages per pod by the recipe that leaves pods the time to start."""
        return self._messages(work, work.startup.mean_seconds)

    def _messages(self, work: Work, lost_seconds: float) -> int:
        if self.slo_seconds is None:
            return USUAL_TARGET
        each = (self.slo_seconds - lost_seconds) / work.service.mean_seconds
        return max(work.concurrency, math.floor(work.concurrency * each))


@dataclass(frozen=True, slots=True)
class Rival:
    """A preset.

    Args:
        name: As `--rival` takes it.
        what: What it is.
        source: Where its rules are from.
        begin: Returns its policy at its start.
        adapt: What its workers are like.
        unchecked: Assumptions of its model that nobody could check, in sentences.
    """

    name: str
    what: str
    source: str
    begin: Callable[[Request, Work], Sizing]
    adapt: Callable[[Work], Work] = unchanged
    unchecked: tuple[str, ...] = ()

    def __call__(self, work: Work, most: int, slo_seconds: float | None) -> Candidate:  # noqa: ARG002 -- some need it
        """Return the candidate for some work, the most pods, and how long a message may wait (None: nobody said)."""
        begin = partial(self.begin, Request(self.name, most, slo_seconds))
        return Candidate(self.name, begin, self.adapt, most=most, unchecked=self.unchecked)


def with_an_hour_of_grace(work: Work) -> Work:
    """Return the work of pods whose `terminationGracePeriodSeconds` is an hour."""
    return replace(work, grace_seconds=max(work.grace_seconds, EXPERT_GRACE_SECONDS))


def _keda(request: Request, work: Work) -> Keda:
    return Keda(request.name, ScaledObject(queue_length=request.per_pod(work), max_replicas=request.most))


def _keda_expert(request: Request, work: Work) -> Keda:
    spec = ScaledObject(
        queue_length=request.expert_per_pod(work),
        max_replicas=request.most,
        polling_seconds=5,
        cooldown_seconds=60,
        behavior=EXPERT_BEHAVIOR,
    )
    return Keda(request.name, spec)


def _hpa(request: Request, work: Work) -> QueueHpa:
    return QueueHpa(request.name, Hpa(1, request.most, request.per_pod(work)))


def _hpa_expert(request: Request, work: Work) -> QueueHpa:
    return QueueHpa(request.name, Hpa(1, request.most, request.expert_per_pod(work), EXPERT_BEHAVIOR))


def _wpa(request: Request, work: Work) -> WorkerPodAutoscaler:
    return WorkerPodAutoscaler(request.name, request.per_pod(work), most=request.most)


def _wpa_expert(request: Request, work: Work) -> WorkerPodAutoscaler:
    return WorkerPodAutoscaler(request.name, request.expert_per_pod(work), most=request.most)


def _kube_sqs(request: Request, _: Work) -> KubeSqsAutoscaler:
    return KubeSqsAutoscaler(request.name, most=request.most)


_KEDA = "kedacore/keda 2.20 and the HPA of Kubernetes 1.36"
_HPA = "kubernetes/kubernetes 1.36, pkg/controller/podautoscaler"
_WPA = "practo/k8s-worker-pod-autoscaler"
_SYNCS = "The HPA's syncs fall halfway between KEDA's polls: a real one syncs by a clock of its own."
_COUNTS = "The counts are as old as the scenario says: how old an adapter's metric is depends on the adapter."
_STATUS = "The 600 s before a scale-in are kept: where the shipped definition prunes the status, they may not be."

RIVALS: Mapping[str, Rival] = {
    rival.name: rival
    for rival in (
        Rival("keda", "KEDA with its defaults", _KEDA, _keda, unchecked=(_SYNCS,)),
        Rival(
            "keda-expert",
            "KEDA that polls every 5 s, up to ten times as many pods at once, 15 s before pods go, an hour of grace",
            _KEDA,
            _keda_expert,
            with_an_hour_of_grace,
            (_SYNCS,),
        ),
        Rival("hpa", "an HPA on the length of the queue, with its defaults", _HPA, _hpa, unchecked=(_COUNTS,)),
        Rival(
            "hpa-expert",
            "an HPA on the length of the queue, up to ten times as many pods at once, 15 s before pods go, an hour of"
            " grace",
            _HPA,
            _hpa_expert,
            with_an_hour_of_grace,
            (_COUNTS,),
        ),
        Rival("wpa", "worker-pod-autoscaler with its defaults", _WPA, _wpa, unchecked=(_STATUS,)),
        Rival(
            "wpa-expert",
            "worker-pod-autoscaler with a target that leaves pods the time to start, and an hour of grace",
            _WPA,
            _wpa_expert,
            with_an_hour_of_grace,
            (_STATUS,),
        ),
        Rival(
            "kube-sqs-autoscaler",
            "kube-sqs-autoscaler with its defaults, but for the most pods",
            "Wattpad/kube-sqs-autoscaler",
            _kube_sqs,
        ),
    )
}
"""What `--rival` takes, by name."""
