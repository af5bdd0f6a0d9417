"""The pods of what is scaled, as the API server and their workers report them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

NOT_BUSY_AFTER = timedelta(minutes=5)
"""A worker that has been neither ready nor answering for so long is not at work."""


class WorkerState(NamedTuple):
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
class Container:
    """A container of a pod: whether it runs, the ports it names, and whether the pod says that it is the main one.

    `sidecar`: an init container that goes on running.
    """

    running: bool
    ports: frozenset[int] = frozenset()
    main: bool = False
    sidecar: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """A worker pod that is not being deleted.

    `assigned`: it has a node. `pending`: its phase is Pending. `running`: its worker may be running. `marked`: it
    carries our mark for a scale-in. `startup_seconds`: from its creation to its readiness, None when unknown.
    `address`: empty also for a pod in its node's network, whose address is the node's. `hostname`: its own, as the
    kubelet sets it.
    `replica_set`: the ReplicaSet that it is of. `ordinal`: its number, where it has one. `unready_since`: None when it
    is ready, or when that is not known.
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
    replica_set: str = ""
    ordinal: int | None = None
    unready_since: datetime | None = None
    containers: tuple[Container, ...] = ()

    def is_called(self, name: str) -> bool:
        """Return whether the name is the pod's: its own, or its host name's, short or with a domain."""
        return name in {self.name, self.hostname} or bool(self.hostname and name.startswith(f"{self.hostname}."))

    @property
    def is_up(self) -> bool:
        """Whether anything in it runs that may answer."""
        return any(each.running for each in self.containers) if self.containers else self.running

    def runs_worker(self, port: int) -> bool:
        """Return whether its worker may be running: the container that names the port, or the main one, else all.

        A pod of which one container is down is not ready; if it does not answer either, it is the worker that is down.
        """
        own = [each for each in self.containers if not each.sidecar]
        named = [each for each in self.containers if port in each.ports] or [each for each in own if each.main] or own
        return all(each.running for each in named) if named else self.running


class Worker(NamedTuple):
    """A pod, and what its worker answered just now; None when it did not answer."""

    pod: Pod
    state: WorkerState | None = None

    @property
    def idle(self) -> bool:
        """Whether it surely handles no message: its worker says so, or says nothing because it does not run."""
        return not self.pod.running if self.state is None else self.state.busy == 0

    def is_idle(self, now: datetime) -> bool:
        """Return whether it handles no message: surely, or because it has shown no life for long."""
        since = self.pod.unready_since
        lost = self.state is None and not self.pod.ready and since is not None and now - since >= NOT_BUSY_AFTER
        return self.idle or lost
