"""Reads what scale-ins did to the workers from three logs: the workers', the API server's audit log, the operator's.

The benchmark `scale_in` and `tests/cluster/operator/test_busy_workers.py` use it. It starts and changes nothing.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from testbed.operators import USER

NEVER = float("inf")
SAMPLE = "limit=20"
"""How the operator's samples of workers list pods."""


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one worker on one message, in seconds since the epoch; `ended` is NEVER when it did not end."""

    message: str
    pod: str
    begun: float
    ended: float = NEVER

    def under_way(self, time: float) -> bool:
        """Whether the message was being worked on at this time."""
        return self.begun <= time < self.ended


@dataclass(frozen=True, slots=True)
class ScaleIn:
    """One write of the operator that lowered a Deployment's replicas."""

    time: float
    deployment: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class StoppedWorker:
    """A worker that was stopped while it worked.

    `late_message`: it received the message after the operator had last read its state.
    """

    work: Work
    late_message: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLog:
    """What the three logs say about some Deployments.

    Args:
        works: What the workers worked on.
        scale_ins: The operator's writes of fewer replicas.
        deletions: When each pod was deleted.
        state_reads: When the operator listed the pods of a Deployment, to read its workers' states.
    """

    works: Sequence[Work]
    scale_ins: Sequence[ScaleIn]
    deletions: dict[str, float]
    state_reads: dict[str, list[float]]

    def of(self, prefix: str) -> "WorkerLog":
        """Return what concerns the Deployments whose names have this prefix."""
        return WorkerLog(
            works=[work for work in self.works if work.pod.startswith(prefix)],
            scale_ins=[each for each in self.scale_ins if each.deployment.startswith(prefix)],
            deletions={pod: time for pod, time in self.deletions.items() if pod.startswith(prefix)},
            state_reads={name: times for name, times in self.state_reads.items() if name.startswith(prefix)},
        )

    def stopped(self) -> list[StoppedWorker]:
        """Return the workers that were stopped while they worked."""
        found = []
        for work in self.works:
            deleted = self.deletions.get(work.pod, NEVER)
            if deleted < NEVER and work.under_way(deleted):
                late = work.begun > self._state_read(work.pod, deleted) > 0
                found.append(StoppedWorker(work, late_message=late))
        return found

    def _state_read(self, pod: str, deleted: float) -> float:
        """Return when the states were read for the scale-in that deleted a pod; 0 when they never were."""
        deployment = _deployment(pod)
        # Not simply the last read: the ReplicaSet controller may be so slow that the next tick reads before it deletes.
        lowered = max(
            (each.time for each in self.scale_ins if each.deployment == deployment and each.time <= deleted),
            default=0.0,
        )
        return max((time for time in self.state_reads.get(deployment, []) if time <= lowered), default=0.0)

    def handled_again(self) -> int:
        """Return the number of messages whose work was begun more than once."""
        return sum(count > 1 for count in Counter(work.message for work in self.works).values())

    def busy_share(self, scale_in: ScaleIn) -> float:
        """Return the share of a Deployment's workers that were busy just before a scale-in."""
        busy = {work.pod for work in self.works if _deployment(work.pod) == scale_in.deployment}
        at_work = {work.pod for work in self.works if work.pod in busy and work.under_way(scale_in.time)}
        return len(at_work) / scale_in.before


def read(*, namespace: str, journal: Path, audit: Path, operator_log: str) -> WorkerLog:
    """Read the three logs of what happened in a namespace.

    Args:
        namespace: The namespace of the Deployments.
        journal: The file that `timed_worker` writes.
        audit: The API server's audit log.
        operator_log: The text of the operator's log.
    """
    deletions: dict[str, float] = {}
    state_reads: dict[str, list[float]] = defaultdict(list)
    resized: dict[str, list[float]] = defaultdict(list)
    for event in _events(audit, namespace):
        about, uri, time = event.get("objectRef", {}), unquote(event["requestURI"]), _time(event)
        match event["verb"], about.get("resource"), about.get("subresource"):
            case "delete", "pods", None:
                deletions.setdefault(about["name"], time)
            case "list", "pods", None if event["user"]["username"] == USER and _begins_query(uri):
                state_reads[uri.partition("labelSelector=app=")[2].partition("&")[0]].append(time)
            case "patch", "deployments", "scale" if event["responseStatus"]["code"] == HTTPStatus.OK:
                resized[about["name"]].append(time)
    return WorkerLog(
        works=_works(journal),
        scale_ins=_scale_ins(operator_log, namespace, resized),
        deletions=deletions,
        state_reads=state_reads,
    )


def _begins_query(uri: str) -> bool:
    """Return whether a list of pods is the first page of all of them: a sample asks for a few, by the same path."""
    return "continue=" not in uri and SAMPLE not in uri.partition("?")[2].split("&")


def _works(journal: Path) -> list[Work]:
    begun: dict[tuple[str, str], Work] = {}
    done = []
    for line in journal.read_text().splitlines():
        event, message, pod, time = line.split()
        if event == "begun":
            begun[message, pod] = Work(message, pod, float(time))
        else:
            work = begun.pop((message, pod))
            done.append(Work(message, pod, work.begun, float(time)))
    return [*done, *begun.values()]


def _scale_ins(log: str, namespace: str, resized: dict[str, list[float]]) -> list[ScaleIn]:
    """Combine the sizes of the operator's log with the times of the audit log, which are in the same order."""
    times = {name: iter(each) for name, each in resized.items()}
    lines = (json.loads(line) for line in log.splitlines() if '"pool rescaled"' in line and f'"{namespace}/' in line)
    named = ((line["pool"].partition("/")[2], line) for line in lines)
    sizes = [ScaleIn(next(times[name]), name, line["from"], line["to"]) for name, line in named]
    return [each for each in sizes if each.after < each.before]


def _events(audit: Path, namespace: str) -> Iterator[dict[str, Any]]:
    with audit.open() as lines:
        for line in lines:
            if f'"namespace":"{namespace}"' in line and line.endswith("\n"):
                yield json.loads(line)


def _time(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["stageTimestamp"]).timestamp()


def _deployment(pod: str) -> str:
    return pod.rsplit("-", 2)[0]
