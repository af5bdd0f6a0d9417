"""One cluster with real nodes, as its users see it: started from outside of its namespaces. `__main__` runs within."""

import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from devcluster import commands, tools
from devcluster.administration import Administered
from devcluster.errors import CommandFailedError, StartFailedError
from devcluster.kubelet import cgroups, documents, requirements
from devcluster.kubelet.documents import NodePlace
from devcluster.node import leftovers
from devcluster.processes import Program, wait_until

START_SECONDS = 240
NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
UPLINK = "uplink"
"""The interface through which the cluster reaches this machine, and this machine the API server."""


class RealCluster(Administered):
    """A cluster that lives in DIRECTORY while the `with` body runs; every start is a new, empty cluster.

    Args:
        directory: Where its files are.
        images: Archives of the images that its nodes have from the start; `images.for_nodes` makes the ones they need.
        nodes: How many nodes it has.
    """

    def __init__(self, directory: Path, images: Sequence[Path], nodes: int = 1) -> None:
        super().__init__(directory)
        self._images = images
        self._nodes = nodes
        self._mark = cgroups.name(self.directory)
        self._interface = f"dc-{self._mark[-8:]}"
        self._link = f"169.254.{secrets.randbelow(254) + 1}"
        self._ready = self.directory / "ready"
        self._program: Program | None = None

    def start(self) -> None:
        """Start everything; return when its nodes are ready and names are resolved.

        Raises UnavailableError, StartFailedError.
        """
        requirements.check()
        tools.cluster(real_node=True)  # within there is no network to fetch them by
        self._clear()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._program = program = self._inside()
        program.start()
        self._join(program)
        wait_until(
            lambda: self._is_ready(program),
            START_SECONDS,
            f"the cluster did not become ready; its logs are in {self.directory}",
        )

    def stop(self) -> None:
        """End everything; the logs stay."""
        if self._program:
            self._program.kill()
        self._clear()

    def load_image(self, archive: Path) -> None:
        """Give every node the image in ARCHIVE."""
        for number in range(1, self._nodes + 1):
            node = NodePlace(number, self.directory)
            commands.call("nsenter", f"--target={self._inside_pid}", "--mount", *documents.image_import(node, archive))

    @property
    def _inside_pid(self) -> int:
        if self._program is None:
            raise StartFailedError("the cluster does not run")
        return self._program.pid

    def _inside(self) -> Program:
        argv = [
            *("unshare", *NAMESPACES),
            *(sys.executable, "-m", "devcluster.kubelet"),
            *(f"--dir={self.directory}", f"--address={self._link}.2", f"--nodes={self._nodes}"),
            *(f"--image={image.resolve()}" for image in self._images),
        ]
        return Program(argv, self.directory / "inside.log", env=os.environ | leftovers.mark(self.directory))

    def _join(self, program: Program) -> None:
        """Give the namespace of PROGRAM an interface to ours. The kernel takes it down with the namespace."""
        ours = Path("/proc/self/ns/net").readlink()

        def entered() -> bool:
            program.check()
            return Path(f"/proc/{program.pid}/ns/net").readlink() != ours

        wait_until(entered, 10, "the cluster's network namespace was not made")
        name = self._interface
        commands.call("ip", "link", "add", name, "type", "veth", "peer", "name", UPLINK, "netns", str(program.pid))
        commands.call("ip", "address", "add", f"{self._link}.1/30", "dev", name)
        commands.call("ip", "link", "set", name, "up")

    def _is_ready(self, program: Program) -> bool:
        program.check()
        return self._ready.exists()

    def _clear(self) -> None:
        """Remove what a cluster in this directory has left behind, also one whose starter was killed."""
        self._ready.unlink(missing_ok=True)
        leftovers.end(self.directory)
        cgroups.remove(self._mark)
        # It goes with the namespace, but some time after it.
        with contextlib.suppress(CommandFailedError):
            commands.call("ip", "link", "delete", self._interface)
