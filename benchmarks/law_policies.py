"""What `law` compares: pools, and rivals with their defaults and as well as their flags allow."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from queueplanner.play import Candidate
from queueplanner.policies.hpa import Policy, Rules
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueplanner.presets import RIVALS
from queueplanner.presets.kubernetes import with_an_hour_of_grace
from queueplanner.presets.rival import Request
from queueplanner.recommend.manifest import WINDOW, ZERO_AFTER, Manifest, candidate, new, put
from queueplanner.work import Work

MOST_PODS = 100
PROMISE_SECONDS = 60.0
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"

POOL, TOLD, UNPROTECTED, BY_MESSAGES = "pool", "pool, serviceSeconds", "pool, Drain", "pool, messagesPerPod"
LONG_WINDOW, USUAL_WINDOW, LONG_STAY = "pool, window of 300 s", "pool, window of 60 s", "pool, last pod stays 60 s"
KEDA_TUNED, WPA_TUNED = "keda-tuned", "wpa-tuned"
OTHERS_OF_OURS = (TOLD, UNPROTECTED, BY_MESSAGES, LONG_WINDOW, USUAL_WINDOW, LONG_STAY)
FEW = (POOL, UNPROTECTED, KEDA_TUNED, WPA_TUNED)
"""What is compared with other start-up times and readings, so that they do not take too long."""

_PRESETS = ("keda", "keda-expert", "wpa", "hpa", "ec2-target-tracking-protected", "ec2-step-protected")


def policies(work: Work) -> dict[str, Candidate]:
    """Return what is compared, by name, for some work: first our pool, then the others.

    The rivals' targets are by the recipe, which needs to know how long messages take; the pool learns it, and TOLD is
    told it, too.
    """
    request = Request("", MOST_PODS, PROMISE_SECONDS)
    return {
        **{name: candidate(manifest, name) for name, manifest in _pools(request, work).items()},
        **{name: RIVALS[name](work, MOST_PODS, PROMISE_SECONDS) for name in _PRESETS},
        KEDA_TUNED: _tuned(KEDA_TUNED, _keda, request),
        WPA_TUNED: _tuned(WPA_TUNED, _wpa, request),
    }


def _pools(request: Request, work: Work) -> dict[str, Manifest]:
    promise = {"latencySeconds": PROMISE_SECONDS}
    pool = _pool(promise)
    return {
        POOL: pool,
        TOLD: _pool(promise | {"serviceSeconds": work.service.mean_seconds}),
        UNPROTECTED: put(pool, ("scaleIn", "busyWorkers"), "Drain"),
        BY_MESSAGES: _pool({"messagesPerPod": request.expert_per_pod(work)}),
        LONG_WINDOW: put(pool, WINDOW, 300),
        USUAL_WINDOW: put(pool, WINDOW, 60),
        LONG_STAY: put(pool, ZERO_AFTER, 60),
    }


def _pool(target: Mapping[str, Any]) -> Manifest:
    return new("orders", QUEUE_URL, MOST_PODS, target)


def _tuned(name: str, begin: Any, request: Request) -> Candidate:
    return Candidate(name, partial(begin, replace(request, name=name)), with_an_hour_of_grace, most=MOST_PODS)


def _keda(request: Request, work: Work) -> Keda:
    """Return a KEDA without any caution: it would stop pods for each error of the counts."""
    up, down = Rules(0, (Policy(900, 15, percent=True),)), Rules(10, (Policy(100, 15, percent=True),))
    spec = ScaledObject(
        queue_length=request.expert_per_pod(work),
        max_replicas=request.most,
        polling_seconds=5,
        cooldown_seconds=20,
        behavior=(up, down),
    )
    return Keda(request.name, spec)


def _wpa(request: Request, work: Work) -> WorkerPodAutoscaler:
    """Return a worker-pod-autoscaler whose controller looks every 5 s, and scales in 15 s after any scaling."""
    target = request.expert_per_pod(work)
    return WorkerPodAutoscaler(request.name, target, most=request.most, resync_seconds=5.0, delay_seconds=15.0)
