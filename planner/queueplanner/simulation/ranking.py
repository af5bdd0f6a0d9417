"""Which pods go at a scale-in: the ReplicaSet controller's ranking (Kubernetes 1.36). Pure."""

import math
from collections.abc import Collection
from random import Random
from typing import TypeVar

from queueplanner.simulation.values import Move, PodState, SimulatedPod

AnyPod = TypeVar("AnyPod", bound=SimulatedPod)


def leaving(pods: Collection[AnyPod], move: Move, now: float, random: Random) -> list[AnyPod]:
    """Return the pods that are too many, as far as they may go, in the order in which a ReplicaSet deletes them.

    First the ones that are not ready, then the named, then the youngest. Ages count by their logarithm, and pods of one
    class go in an order of chance (LogarithmicScaleDown).
    """
    excess = len(pods) - move.replicas
    if excess <= 0:
        return []
    victims = set(move.victims)

    def rank(pod: SimulatedPod) -> tuple[bool, bool, int, float]:
        age = 0 if pod.state is PodState.STARTING else int(math.log2(max(now - pod.ready_at, 1)))
        return (pod.state is PodState.READY, pod.name not in victims, age, random.random())

    return sorted((pod for pod in pods if not (move.spares_busy and pod.in_hand)), key=rank)[:excess]
