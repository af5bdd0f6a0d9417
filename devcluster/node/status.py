"""The status that the node reports for a pod: container states → Pod status. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """Return MOMENT as Kubernetes writes times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ContainerState:
    """The state of one container; its own task writes it, the reporter reads it."""

    name: str
    image: str
    state: Json = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Json = field(default_factory=dict)
    started: bool = False
    ready: bool = False
    restarts: int = 0

    def waiting(self, reason: str, message: str) -> None:
        """The container does not run, for REASON; what it did before becomes its last state."""
        if "terminated" in self.state:
            self.last = self.state
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.started = self.ready = False

    def running(self, now: datetime) -> None:
        """The container has begun to run."""
        if "terminated" in self.state:
            self.last = self.state
        self.state = {"running": {"startedAt": timestamp(now)}}

    def terminated(self, code: int, reason: str, now: datetime) -> None:
        """The container has ended with exit code CODE."""
        began = self.state.get("running", {}).get("startedAt", timestamp(now))
        self.state = {
            "terminated": {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": timestamp(now)}
        }
        self.started = self.ready = False

    @property
    def exit_code(self) -> int | None:
        """The exit code, once the container has ended for good or waits for its restart."""
        return self.state["terminated"]["exitCode"] if "terminated" in self.state else None

    def report(self) -> Json:
        """Return the ContainerStatus."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "state": self.state,
            "lastState": self.last,
            "started": self.started,
            "ready": self.ready,
            "restartCount": self.restarts,
        }


@dataclass(frozen=True)
class PodState:
    """The state of one pod."""

    address: str
    start_time: datetime
    containers: Sequence[ContainerState]
    init_containers: Sequence[ContainerState]
    initialized: bool
    finished: bool  # no container will be started again
    readiness_gates: bool  # whether the conditions that the pod's author asks for all hold


def phase(pod: PodState) -> str:
    """Return the pod's phase."""
    if not pod.finished:
        return "Running" if any("running" in c.state or c.restarts for c in pod.containers) else "Pending"
    codes = [container.exit_code for container in pod.containers]
    return "Succeeded" if all(code == 0 for code in codes) else "Failed"


def report(pod: PodState, previous: Sequence[Mapping[str, Any]], now: datetime) -> Json:
    """Return the Pod status; a condition that PREVIOUS had the same way keeps its transition time."""
    containers_ready = all(container.ready for container in pod.containers)
    truth = {
        "PodScheduled": True,
        "Initialized": pod.initialized,
        "ContainersReady": containers_ready,
        "Ready": containers_ready and pod.readiness_gates,
    }
    return {
        "phase": phase(pod),
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": pod.address,
        "podIPs": [{"ip": pod.address}],
        "startTime": timestamp(pod.start_time),
        "conditions": [_condition(kind, holds, previous, now) for kind, holds in truth.items()],
        "containerStatuses": [container.report() for container in pod.containers],
        "initContainerStatuses": [container.report() for container in pod.init_containers],
    }


def _condition(kind: str, holds: bool, previous: Sequence[Mapping[str, Any]], now: datetime) -> Json:  # noqa: FBT001
    status = "True" if holds else "False"
    for condition in previous:
        if condition["type"] == kind and condition["status"] == status:
            return {"type": kind, "status": status, "lastTransitionTime": condition["lastTransitionTime"]}
    return {"type": kind, "status": status, "lastTransitionTime": timestamp(now)}
