"""What scale-ins did to the workers, from three witnesses: the workers' journal, the API server's audit log, and the
operator's log.

`scale_in` and its small twin among the cluster tests read through it. It starts and changes nothing.
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

from benchmarks.bed import USER

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Work:
    """One message in one worker's hands, in seconds of the clock; `ended` is NEVER while, or when, it did not end."""

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
class Stopped:
    """A worker that was told to end while it worked. `slipped_in`: the message came after the worker had been asked."""

    work: Work
    slipped_in: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the witnesses saw of some Deployments."""

    works: Sequence[Work]
    scale_ins: Sequence[ScaleIn]
    deletions: dict[str, float]
    looks: dict[str, list[float]]

    def of(self, prefix: str) -> "Evidence":
        """What concerns the Deployments whose names begin so."""
        return Evidence(
            [work for work in self.works if work.pod.startswith(prefix)],
            [each for each in self.scale_ins if each.deployment.startswith(prefix)],
            {pod: time for pod, time in self.deletions.items() if pod.startswith(prefix)},
            {name: times for name, times in self.looks.items() if name.startswith(prefix)},
        )

    def stopped(self) -> list[Stopped]:
        """The workers that were told to end while they worked."""
        found = []
        for work in self.works:
            told = self.deletions.get(work.pod, NEVER)
            if told < NEVER and work.under_way(told):
                found.append(Stopped(work, slipped_in=work.begun > self._asked(work.pod, told) > 0))
        return found

    def _asked(self, pod: str, told: float) -> float:
        """When the workers were asked for the scale-in that a pod was told to end by; 0 when they never were."""
        deployment = _deployment(pod)
        # Not the last question at all: the ReplicaSet controller may take so long that the next tick asks before it.
        lowered = max(
            (each.time for each in self.scale_ins if each.deployment == deployment and each.time <= told), default=0.0
        )
        return max((time for time in self.looks.get(deployment, []) if time <= lowered), default=0.0)

    def handled_again(self) -> int:
        """Messages whose work was begun more than once."""
        return sum(count > 1 for count in Counter(work.message for work in self.works).values())

    def busy_share(self, scale_in: ScaleIn) -> float:
        """The share of a Deployment's workers that were busy just before a scale-in."""
        busy = {work.pod for work in self.works if _deployment(work.pod) == scale_in.deployment}
        at_work = {work.pod for work in self.works if work.pod in busy and work.under_way(scale_in.time)}
        return len(at_work) / scale_in.before


def gathered(namespace: str, journal: Path, audit: Path, operator_log: str) -> Evidence:
    """Hear the three witnesses of what happened in a namespace."""
    deletions: dict[str, float] = {}
    looks: dict[str, list[float]] = defaultdict(list)
    resized: dict[str, list[float]] = defaultdict(list)
    for event in _events(audit, namespace):
        about, uri, time = event.get("objectRef", {}), unquote(event["requestURI"]), _time(event)
        match event["verb"], about.get("resource"), about.get("subresource"):
            case "delete", "pods", None:
                deletions.setdefault(about["name"], time)
            case "list", "pods", None if event["user"]["username"] == USER and "limit=" not in uri:
                looks[uri.partition("labelSelector=app=")[2].partition("&")[0]].append(time)
            case "patch", "deployments", "scale" if event["responseStatus"]["code"] == HTTPStatus.OK:
                resized[about["name"]].append(time)
    return Evidence(_works(journal), _scale_ins(operator_log, namespace, resized), deletions, looks)


def _works(journal: Path) -> list[Work]:
    begun: dict[tuple[str, str], Work] = {}
    done = []
    for line in journal.read_text().splitlines():
        what, message, pod, time = line.split()
        if what == "begun":
            begun[message, pod] = Work(message, pod, float(time))
        else:
            work = begun.pop((message, pod))
            done.append(Work(message, pod, work.begun, float(time)))
    return [*done, *begun.values()]


def _scale_ins(log: str, namespace: str, resized: dict[str, list[float]]) -> list[ScaleIn]:
    """The operator's log knows the sizes, and the audit log the times, in the same order."""
    times = {name: iter(each) for name, each in resized.items()}
    lines = (json.loads(line) for line in log.splitlines() if '"pool resized"' in line and f'"{namespace}/' in line)
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
