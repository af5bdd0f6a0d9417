"""Which pods may go at scale-in without stopping any work. Pure.

`limits` asks how few pods there can be, `chain` which ones go. A ReplicaSet chooses its victims by class: pods without
a node, pending ones, ones that are not ready, ready ones; only within a class does the deletion cost count, by which we
mark (Kubernetes 1.36, ActivePodsWithRanks). So a class is passed only when no pod of it is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from queueworkerpool.model import Pod, Worker


@dataclass(frozen=True, slots=True)
class Plan:
    """How many pods there can be, and the names of those that go."""

    replicas: int
    victims: tuple[str, ...] = ()


def plan_scale_in(pods: Sequence[Worker], replicas: int, wanted: int, *, overdue: bool = False) -> Plan:
    """The smallest number of pods from `wanted` to `replicas` that stops no work, and who goes.

    `overdue`: the wait for idle workers is over, so busy ones may go too, those first that have done least.
    """
    if len(pods) > replicas:  # the last scale-in has not taken its pods yet
        return Plan(replicas)
    spare = max(0, len(pods) - wanted)
    victims: list[str] = []
    for rank in range(4):
        members = [worker for worker in pods if _rank(worker.pod) == rank]
        willing = members if overdue else [worker for worker in members if worker.idle]
        victims += [worker.pod.name for worker in sorted(willing, key=_order)][: spare - len(victims)]
        if len(victims) == spare or len(willing) < len(members):
            break
    return Plan(max(wanted, len(pods) - len(victims)), tuple(victims))


def _rank(pod: Pod) -> int:
    """The class of a pod in the order in which a ReplicaSet deletes."""
    if not pod.assigned:
        return 0
    if pod.pending:
        return 1
    return 3 if pod.ready else 2


def _order(worker: Worker) -> tuple[bool, bool, float, bool, str]:
    """Idle ones first, then the least progressed, then those that do not tell; the marked before the others."""
    progress = worker.state.oldest_busy_seconds if worker.state else 0.0
    return (not worker.idle, worker.state is None, progress, not worker.pod.marked, worker.pod.name)
