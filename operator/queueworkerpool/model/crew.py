"""The pods of a Deployment, as the API server and their workers tell of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker tells on /state. Sums are since its start; `busy_seconds` includes what runs now.

    `oldest_busy_seconds`: for how long it has worked on the message that it began first, 0 when that is not told.
    """

    busy: int
    concurrency: int
    finished: int
    busy_seconds: float
    oldest_busy_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A worker pod that is not being deleted.

    `assigned`: it has a node. `pending`: its phase is Pending. `running`: one of its containers runs. `marked`: it
    carries the mark of a scale-in of ours. `startup_seconds`: from its creation to its readiness, None when unknown.
    """

    name: str
    uid: str
    address: str = ""
    ready: bool = False
    startup_seconds: float | None = None
    assigned: bool = True
    pending: bool = False
    running: bool = True
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """A pod, and what its worker answered just now; None when it did not."""

    pod: PodSeen
    state: WorkerState | None = None

    @property
    def idle(self) -> bool:
        """Whether it surely works on nothing: no container runs, or its worker says so."""
        return not self.pod.running or (self.state is not None and self.state.busy == 0)
