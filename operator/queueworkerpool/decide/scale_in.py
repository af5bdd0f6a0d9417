"""Which pods may go at scale-in without stopping any work. Pure.

`limits` asks how few pods there can be, `chain` which ones go. A ReplicaSet chooses its victims by class: pods without
a node, pending ones, ones that are not ready, ready ones; only within a class does the deletion cost count, by which we
mark (Kubernetes 1.36, ActivePodsWithRanks). So a class is passed only when no pod of it is left.

Marks count within one ReplicaSet. While a Deployment has several (a rollout that does not get on, or is paused), it
divides a lower size among them by their sizes; so each of them must be able to bear the whole change. An Argo Rollout
does the same.

A StatefulSet lets nobody choose: the pods with the highest ordinals go, whether or not they are ready. So it is scaled
in as far as those are idle, from the top down to the first that is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from queueworkerpool.model import Facts, Pod, Removal, Worker


@dataclass(frozen=True, slots=True)
class Plan:
    """How many pods there can be, and the names of those that go."""

    replicas: int
    victims: tuple[str, ...] = ()


def plan(facts: Facts, pods: Sequence[Worker], wanted: int, *, overdue: bool = False) -> Plan:
    """The smallest number of pods from `wanted` to the size that stops no work, by how the target lets pods go.

    `overdue`: the wait for idle workers is over, so busy ones may go too.
    """
    if facts.removal is Removal.HIGHEST_ORDINAL:
        return Plan(wanted if overdue else _by_ordinals(facts, pods, wanted))
    return plan_scale_in(pods, facts.replicas, wanted, facts.now, overdue=overdue)


def _by_ordinals(facts: Facts, pods: Sequence[Worker], wanted: int) -> int:
    """Return the smallest size of a StatefulSet above which every pod is idle, or is not there.

    Pods beyond its size are going already, and one without an ordinal keeps all: nobody knows when it goes.
    """
    places = (_place(worker, facts) for worker in pods if not worker.is_idle(facts.now))
    return max([wanted, *(place + 1 for place in places if place < facts.replicas)])


def _place(worker: Worker, facts: Facts) -> int:
    """Return how many pods of lower ordinals a StatefulSet has before this one."""
    ordinal = worker.pod.ordinal
    return facts.replicas - 1 if ordinal is None else ordinal - facts.first_ordinal


def plan_scale_in(pods: Sequence[Worker], replicas: int, wanted: int, now: datetime, *, overdue: bool = False) -> Plan:
    """The smallest number of pods from `wanted` to `replicas` that stops no work, and who goes.

    `overdue`: the wait for idle workers is over, so busy ones may go too, those first that have done least.
    """
    sets: dict[str, list[Worker]] = {}
    for worker in pods:
        sets.setdefault(worker.pod.replica_set, []).append(worker)
    if len(pods) > replicas and len(sets) == 1 and not overdue:  # the last scale-in has not taken its pods yet
        return Plan(replicas)
    spare = max(0, len(pods) - wanted)
    free = [(_free(members, now, overdue=overdue), len(members)) for members in sets.values()]
    # Of several ReplicaSets nobody but the Deployment knows which one shrinks, and each one may by all of the change.
    gone = min([spare, *(len(willing) for willing, number in free if len(willing) < number)])
    victims = tuple(worker.pod.name for willing, _ in free for worker in willing[:gone])
    return Plan(min(replicas, max(wanted, len(pods) - gone)), victims)


def _free(members: Sequence[Worker], now: datetime, *, overdue: bool) -> list[Worker]:
    """Return the pods of one ReplicaSet that may go, in the order in which it deletes them once they are marked."""
    ranks: dict[int, list[Worker]] = {}
    for worker in members:
        ranks.setdefault(_rank(worker.pod), []).append(worker)
    free: list[Worker] = []
    for _, same in sorted(ranks.items()):
        willing = same if overdue else [worker for worker in same if worker.is_idle(now)]
        free += sorted(willing, key=lambda worker: _order(worker, now))
        if len(willing) < len(same):
            break
    return free


def _rank(pod: Pod) -> int:
    """The class of a pod in the order in which a ReplicaSet deletes."""
    if not pod.assigned:
        return 0
    if pod.pending:
        return 1
    return 3 if pod.ready else 2


def _order(worker: Worker, now: datetime) -> tuple[bool, bool, float, bool, str]:
    """Idle ones first, then the least progressed, then those that do not tell; the marked before the others."""
    progress = worker.state.oldest_busy_seconds if worker.state else 0.0
    return (not worker.is_idle(now), worker.state is None, progress, not worker.pod.marked, worker.pod.name)
