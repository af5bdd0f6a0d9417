"""The pods of a Deployment, as the API server and their workers report them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker reports on /state. Sums are since its start; `busy_seconds` includes the messages in hand.

    `busy`: messages in hand. `concurrency`: messages that it handles at the same time. `finished`: messages handled,
    well or not. `oldest_busy_seconds`: for how long it has handled the oldest message in hand, 0 when not reported.
    """

    busy: int
    concurrency: int
    finished: int
    busy_seconds: float
    oldest_busy_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Pod:
    """A worker pod that is not being deleted.

    `assigned`: it has a node. `pending`: its phase is Pending. `running`: one of its containers runs. `marked`: it
    carries our mark for a scale-in. `startup_seconds`: from its creation to its readiness, None when unknown.
    `address`: empty also for a pod in its node's network, whose address is the node's. `hostname`: its own, as the
    kubelet sets it.
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
    hostname: str = ""

    def is_called(self, name: str) -> bool:
        """Return whether the name is the pod's: its own, or its host name's, short or with a domain."""
        return name in {self.name, self.hostname} or bool(self.hostname and name.startswith(f"{self.hostname}."))


@dataclass(frozen=True, slots=True)
class Worker:
    """A pod, and what its worker answered just now; None when it did not answer."""

    pod: Pod
    state: WorkerState | None = None

    @property
    def idle(self) -> bool:
        """Whether it surely handles no message: no container runs, or its worker says so."""
        return not self.pod.running or (self.state is not None and self.state.busy == 0)
