"""Where a node keeps what belongs to a pod; the rest of devcluster finds logs and process ids by it.

pods/NAMESPACE/POD/CONTAINER.log    output of all its runs; stays after the pod
pods/NAMESPACE/POD/CONTAINER.pid    while it runs
pods/NAMESPACE/POD/work/            the containers' working directory and HOME
pods/NAMESPACE/POD/credentials/     kubeconfig and token of the service account
"""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PodFiles:
    """The files of one pod."""

    folder: Path

    @classmethod
    def of(cls, node: Path, namespace: str, pod: str) -> "PodFiles":
        """Return the files of a pod on the node that keeps its files in folder NODE."""
        return cls(node / "pods" / namespace / pod)

    @property
    def work(self) -> Path:
        """The working directory of the pod's containers."""
        return self.folder / "work"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the pod's service account."""
        return self.folder / "credentials" / "kubeconfig"

    def log(self, container: str) -> Path:
        """The output of a container."""
        return self.folder / f"{container}.log"

    def pid(self, container: str) -> Path:
        """The process id of a running container."""
        return self.folder / f"{container}.pid"

    def logs(self) -> list[Path]:
        """The logs there are, by container name."""
        return sorted(self.folder.glob("*.log"))

    def pids(self) -> list[int]:
        """The process ids of the running containers, by container name."""
        return [int(path.read_text()) for path in sorted(self.folder.glob("*.pid"))]

    def make(self) -> None:
        """Create the folders."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.kubeconfig.parent.mkdir(mode=0o700, exist_ok=True)

    def clear(self) -> None:
        """Remove everything but the logs."""
        for path in self.folder.glob("*.pid"):
            path.unlink(missing_ok=True)
        for folder in (self.work, self.kubeconfig.parent):
            shutil.rmtree(folder, ignore_errors=True)
