"""Presets of the autoscalers of pods: KEDA, the HPA, worker-pod-autoscaler and kube-sqs-autoscaler. Pure."""

from dataclasses import replace

from queueplanner.policies.hpa import Hpa, Policy, Rules
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.policies.kube_sqs_autoscaler import KubeSqsAutoscaler
from queueplanner.policies.queue_hpa import QueueHpa
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueplanner.presets.rival import Request, Rival
from queueplanner.work import Work

EXPERT_GRACE_SECONDS = 3600.0
EXPERT_BEHAVIOR = (Rules(0, (Policy(900, 15, percent=True),)), Rules(15, (Policy(100, 15, percent=True),)))
"""Up to ten times as many at each sync, and 15 seconds before pods go."""


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
    target, seconds = request.expert_per_pod(work), work.service.mean_seconds / work.concurrency
    return WorkerPodAutoscaler(request.name, target, most=request.most, seconds_per_job=seconds)


def _kube_sqs(request: Request, _: Work) -> KubeSqsAutoscaler:
    return KubeSqsAutoscaler(request.name, most=request.most)


_KEDA = "kedacore/keda 2.20 and the HPA of Kubernetes 1.36"
_HPA = "kubernetes/kubernetes 1.36, pkg/controller/podautoscaler"
_WPA = "practo/k8s-worker-pod-autoscaler"
_SYNCS = "The HPA's syncs fall halfway between KEDA's polls: a real one syncs by a clock of its own."
_COUNTS = "The counts are as old as the scenario says: how old an adapter's metric is depends on the adapter."
_STATUS = "The 600 s before a scale-in are kept: where the shipped definition prunes the status, they may not be."

RIVALS = (
    Rival("keda", "KEDA with its defaults", _KEDA, _keda, unchecked=(_SYNCS,)),
    Rival(
        "keda-expert",
        "KEDA that polls every 5 s, up to ten times as many pods at once, 15 s before pods go, an hour of grace",
        _KEDA,
        _keda_expert,
        with_an_hour_of_grace,
        unchecked=(_SYNCS,),
    ),
    Rival("hpa", "an HPA on the length of the queue, with its defaults", _HPA, _hpa, unchecked=(_COUNTS,)),
    Rival(
        "hpa-expert",
        "an HPA on the length of the queue, up to ten times as many pods at once, 15 s until pods go, an hour of grace",
        _HPA,
        _hpa_expert,
        with_an_hour_of_grace,
        unchecked=(_COUNTS,),
    ),
    Rival("wpa", "worker-pod-autoscaler with its defaults", _WPA, _wpa, unchecked=(_STATUS,)),
    Rival(
        "wpa-expert",
        "worker-pod-autoscaler that knows the seconds per job, with time for pods to start, and an hour of grace",
        _WPA,
        _wpa_expert,
        with_an_hour_of_grace,
        unchecked=(_STATUS,),
    ),
    Rival(
        "kube-sqs-autoscaler",
        "kube-sqs-autoscaler with its defaults, but for the most pods",
        "Wattpad/kube-sqs-autoscaler",
        _kube_sqs,
    ),
)
