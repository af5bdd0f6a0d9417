"""The parts of a cluster that tests stop, kill and inspect. `devcluster.cluster` creates them."""

from pathlib import Path

from devcluster.client import Client
from devcluster.node import leftovers
from devcluster.node.files import PodFiles
from devcluster.processes import Program, wait_until

READY_TIMEOUT_SECONDS = 120
STOP_TIMEOUT_SECONDS = 3


class ApiServer:
    """The API server, to be taken down and brought back by tests; what it stores lives on in etcd."""

    def __init__(self, program: Program, client: Client) -> None:
        self.program = program
        self._client = client

    @property
    def pid(self) -> int:
        """The process id."""
        return self.program.pid

    @property
    def ready(self) -> bool:
        """Whether the API server answers that it is ready."""
        return self.program.running and self._client.text("/readyz") == "ok"

    def start(self) -> None:
        """Start it on the port it always had; return when it is ready. Raises StartFailedError."""
        self.program.start()
        self.wait_until_ready()

    def stop(self) -> None:
        """Ask it to end, and wait; open watches would keep it for a minute, so it is killed after a few seconds."""
        self.program.stop(STOP_TIMEOUT_SECONDS)

    def kill(self) -> None:
        """End it at once."""
        self.program.kill()

    def wait_until_ready(self) -> None:
        """Return when it answers that it is ready; raises StartFailedError."""

        def condition() -> bool:
            self.program.check()
            return self.ready

        wait_until(
            condition, READY_TIMEOUT_SECONDS, f"the API server did not become ready; its log is {self.program.log}"
        )


class Node:
    """The process node: its program, and the files of its pods."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def files(self, namespace: str, pod: str) -> PodFiles:
        """Return where the files of a pod are."""
        return PodFiles.of(self.folder, namespace, pod)

    def logs(self, namespace: str, pod: str) -> str:
        """Return what the pod's containers have written so far, one after the other; empty without such a pod."""
        return "".join(log.read_text(errors="replace") for log in self.files(namespace, pod).logs())

    def stop(self) -> None:
        """End the node, its pods' processes, and whatever those left behind."""
        self.program.stop()
        leftovers.end(self.folder)
