"""Where images and clusters come from: kind and a container engine, or devcluster's own node. One interface.

`conftest` chooses one. A test never asks which it is.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from devcluster import cache, commands, progress, tools
from devcluster.errors import CommandFailedError
from devcluster.images import Build, Images
from devcluster.kubelet.cluster import RealCluster

ROOT = Path(__file__).parent.parent
NODES = 2
CLUSTER_NAME = "qwp-e2e"


class Backend(Protocol):
    """Builds images and is one cluster."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of commands that speak to the cluster."""

    def base(self) -> str | None:
        """Return the base image to build on; None: the Dockerfile's default."""

    def build(self, build: Build) -> None:
        """Build an image."""

    def create(self) -> None:
        """Create the cluster."""

    def load(self, names: Sequence[str]) -> None:
        """Give the cluster images that were built."""

    def delete(self) -> None:
        """Delete the cluster; nothing of it stays."""


def choose(folder: Path) -> Backend:
    """Return kind where a container engine answers, else our own node."""
    return Kind(folder) if takes_kind() else OwnNode(folder)


def takes_kind() -> bool:
    """Return whether kind is the backend here: where a container engine answers, unless E2E_BACKEND is `node`."""
    return os.environ.get("E2E_BACKEND", "") != "node" and _engine_answers()


class OwnNode:
    """Devcluster's own node: root on Linux, no container engine."""

    def __init__(self, folder: Path) -> None:
        self._images = Images()
        self._cluster: RealCluster | None = None
        self._folder = folder

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of commands that speak to the cluster."""
        return commands.environment(self._folder / "kubeconfig")

    def base(self) -> str:
        """Return a small Debian with Python."""
        return self._images.base()

    def build(self, build: Build) -> None:
        """Build an image with buildah."""
        self._images.build(build)

    def create(self) -> None:
        """Start control plane and nodes."""
        self._cluster = RealCluster(self._folder, self._images.for_nodes(), NODES)
        progress.running_here("starting the cluster", self._cluster.start)

    def load(self, names: Sequence[str]) -> None:
        """Import the images into every node's containerd."""
        if self._cluster is None:
            raise CommandFailedError("there is no cluster to load images into")
        for name in names:
            self._cluster.load_image(self._images.archive(name))

    def delete(self) -> None:
        """End everything."""
        if self._cluster is not None:
            self._cluster.stop()


class Kind:
    """Kind, on the container engine of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kubeconfig = folder / "kubeconfig"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of commands that speak to the cluster."""
        return commands.environment(self._kubeconfig)

    def base(self) -> None:
        """Return None: the Dockerfile's default can be pulled."""

    def build(self, build: Build) -> None:
        """Build an image with the engine."""
        options = [f"--build-arg={key}={value}" for key, value in build.arguments.items()]
        options += [f"--build-context={key}=docker-image://{image}" for key, image in build.bases.items()]
        if build.target:
            options.append(f"--target={build.target}")
        argv = ["docker", "build", *options, f"--tag={build.name}", str(build.context)]
        progress.running(f"building image {build.name}", argv)

    def create(self) -> None:
        """Create the cluster, with a node more than kind's one."""
        roles = ["control-plane", *["worker"] * NODES]
        nodes = "".join(f"- role: {role}\n" for role in roles)
        configuration = self._folder / "kind.yaml"
        configuration.write_text(f"kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n{nodes}")
        self.delete()
        self._kind("create", "cluster", f"--config={configuration}", f"--kubeconfig={self._kubeconfig}", "--wait=2m")

    def load(self, names: Sequence[str]) -> None:
        """Copy the images into the nodes."""
        self._kind("load", "docker-image", *names)

    def delete(self) -> None:
        """Delete the cluster of our name."""
        self._kind("delete", "cluster")

    def _kind(self, *arguments: str) -> None:
        progress.running(f"kind {arguments[0]}", [str(tools.kind()), *arguments, f"--name={CLUSTER_NAME}"])


def _engine_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "version"], capture_output=True, timeout=30, check=False).returncode == 0


def cluster_folder() -> Path:
    """Return where the cluster of `make e2e` keeps its files: E2E_FOLDER, else in the user's cache."""
    return Path(os.environ.get("E2E_FOLDER") or cache.folder() / "e2e").resolve()
