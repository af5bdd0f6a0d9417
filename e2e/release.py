"""The operator's release as a test sees and changes it: its pods, who leads, and the way back to the README's."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from e2e.world import OPERATORS, RELEASE, SYSTEM, World, eventually

CHART = "charts/queueworkerpool"
VALUES = "--values=examples/kind/values.yaml"
READY_SECONDS = 60
LONGEST_VACANCY_SECONDS = 17
"""For how long nobody leads when the leader dies, by the chart's README."""


def operators(world: World) -> list[Any]:
    """Return the operators' pods that are not ending."""
    return world.pods(OPERATORS, SYSTEM)


def ready_operators(world: World) -> list[str]:
    """Return the names of the operators' pods that are ready and not ending."""
    return [pod["metadata"]["name"] for pod in operators(world) if is_ready(pod)]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod is ready."""
    return {"type": "Ready", "status": "True"}.items() <= _ready_condition(pod).items()


def _ready_condition(pod: Mapping[str, Any]) -> dict[str, Any]:
    conditions = pod.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == "Ready"), {})


def nodes_of(pods: Sequence[Any]) -> list[str]:
    """Return the nodes of PODS, sorted."""
    return sorted(pod["spec"]["nodeName"] for pod in pods)


def upgrade(world: World, *options: str) -> None:
    """Upgrade the release with what it had before and OPTIONS; return when its pods are ready."""
    world.helm("upgrade", RELEASE, CHART, "-n", SYSTEM, "--reuse-values", *options, "--wait")


def restart(world: World) -> None:
    """Begin a rolling update to pods of the same kind."""
    world.kubectl("-n", SYSTEM, "rollout", "restart", f"deployment/{RELEASE}")


def rolled_out(world: World) -> bool:
    """Return whether the last rolling update has ended: every pod is of the last template and ready."""
    deployment = world.get("deployment", RELEASE, namespace=SYSTEM)
    status, wanted = deployment["status"], deployment["spec"]["replicas"]
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [wanted] * 3


def wait_for_leader(world: World, *not_these: str, seconds: float) -> float:
    """Wait until one of the living operators that are not NOT_THESE leads; return for how long that took."""

    def leads() -> bool:
        return world.leader() in {pod["metadata"]["name"] for pod in operators(world)} - set(not_these)

    return eventually(leads, seconds, "a leader")


@contextlib.contextmanager
def restored(world: World) -> Iterator[None]:
    """Let the body change the release; afterwards it is the README's again, whatever is there then."""
    try:
        yield
    finally:
        world.helm(
            *("upgrade", RELEASE, CHART, "-n", SYSTEM, "--install", "--create-namespace"),
            *("--reset-values", VALUES, "--wait"),
        )
        wait_for_leader(world, seconds=READY_SECONDS)


@dataclass(frozen=True)
class Renewal:
    """The Lease as somebody has written it; an empty holder: it was released."""

    holder: str
    time: datetime


@dataclass
class Election:
    """How the Lease went from one operator to the next, by the operators' own clocks."""

    renewals: list[Renewal] = field(default_factory=list)

    @property
    def holders(self) -> list[str]:
        """Return who has held the Lease, each once for each time."""
        found = [renewal.holder for renewal in self.renewals if renewal.holder]
        return [name for number, name in enumerate(found) if number == 0 or found[number - 1] != name]

    @property
    def vacancies(self) -> list[float]:
        """Return the seconds before each take-over since the Lease was released, or renewed for the last time."""
        pairs = zip(self.renewals, self.renewals[1:], strict=False)
        return [
            (after.time - before.time).total_seconds()
            for before, after in pairs
            if after.holder not in {"", before.holder}
        ]


@contextlib.contextmanager
def observed_election(world: World) -> Iterator[Election]:
    """Record each change of the Lease while the body runs; the record is complete after it."""
    election = Election()
    columns = "-o=jsonpath={.spec.holderIdentity}{'|'}{.spec.renewTime}{'\\n'}"
    with world.watched("-n", SYSTEM, "get", "lease", RELEASE, "--watch", columns) as lines:
        yield election
    for line in lines:
        holder, _, time = line.partition("|")
        if time:
            election.renewals.append(Renewal(holder, datetime.fromisoformat(time)))
