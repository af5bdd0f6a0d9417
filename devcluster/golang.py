"""Build the pinned Go programs under `golang/` into the user's cache; go.mod is the one place of their versions.

A built program is named by a digest of everything that shapes it (go.mod, go.sum, our sources, flags, platform), so a
changed pin builds anew and nothing else does. Go's own build cache makes an interrupted build resume.
"""

import hashlib
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from devcluster import cache, progress

SOURCES = Path(__file__).parent / "golang"
KUBERNETES_LDFLAGS = (
    "-X k8s.io/component-base/version.gitVersion={version} "
    "-X k8s.io/component-base/version.gitMajor={major} -X k8s.io/component-base/version.gitMinor={minor}"
)


@dataclass(frozen=True)
class GoProgram:
    """A program to build: its name, the folder of its go.mod, its module, its package, and its version flags.

    A program of our own has the package "."; one without other people's modules has no module either.
    """

    name: str
    folder: str
    module: str
    package: str
    ldflags: str = ""

    @property
    def go_mod(self) -> str:
        """The text of the go.mod that pins the program."""
        return (SOURCES / self.folder / "go.mod").read_text()

    @property
    def version(self) -> str:
        """The pinned version, such as v1.36.3."""
        return module_version(self.go_mod, self.module) if self.module else "v1.0.0"

    @property
    def flags(self) -> list[str]:
        """The flags of `go build`."""
        major, minor, _ = self.version.removeprefix("v").split(".", 2)
        stamp = self.ldflags.format(version=self.version, major=major, minor=minor)
        return ["-mod=readonly", "-trimpath", "-ldflags", f"-s -w {stamp}".strip()]

    @property
    def digest(self) -> str:
        """A digest of everything that shapes the binary, except the Go release."""
        go_sum = (SOURCES / self.folder / "go.sum").read_text()
        ours = [source.read_text() for source in sorted((SOURCES / self.folder).glob("*.go"))]
        return cache_key(self.go_mod, go_sum, *ours, *self.flags, platform.system(), platform.machine())

    @property
    def path(self) -> Path:
        """Where the built program is, or will be."""
        return cache.folder() / "bin" / f"{self.name}-{self.version}-{self.digest}" / self.name


def kubernetes(name: str) -> GoProgram:
    """Return a program of the Kubernetes module."""
    return GoProgram(name, "kubernetes", "k8s.io/kubernetes", f"k8s.io/kubernetes/cmd/{name}", KUBERNETES_LDFLAGS)


CONTROL_PLANE = (
    GoProgram("etcd", "etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
    kubernetes("kube-apiserver"),
    kubernetes("kube-controller-manager"),
    kubernetes("kube-scheduler"),
)
NODE = (
    kubernetes("kubelet"),
    kubernetes("kube-proxy"),
    GoProgram("coredns", "coredns", "github.com/coredns/coredns", "."),
    GoProgram("pause", "pause", "", "."),
)
"""What a real node needs beside the containerd and runc of the system."""

HELM = GoProgram(
    "helm",
    "helm",
    "helm.sh/helm/v4",
    "helm.sh/helm/v4/cmd/helm",
    "-X helm.sh/helm/v4/internal/version.version={version}",
)
KIND = GoProgram("kind", "kind", "sigs.k8s.io/kind", "sigs.k8s.io/kind")
KUBECONFORM = GoProgram(
    "kubeconform",
    "kubeconform",
    "github.com/yannh/kubeconform",
    "github.com/yannh/kubeconform/cmd/kubeconform",
    "-X main.version={version}",
)
ACTIONLINT = GoProgram(
    "actionlint",
    "actionlint",
    "github.com/rhysd/actionlint",
    "github.com/rhysd/actionlint/cmd/actionlint",
    "-X github.com/rhysd/actionlint.version={version}",
)
LUA = GoProgram("glua", "lua", "github.com/yuin/gopher-lua", "github.com/yuin/gopher-lua/cmd/glua")
"""The Lua that Argo CD runs health checks with."""


def module_version(go_mod: str, module: str) -> str:
    """Return the version that the text of a go.mod requires of MODULE; raises LookupError when it requires none."""
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise LookupError(f"go.mod does not require {module}")
    return found[1]


def go_release(go_mod: str) -> tuple[int, int]:
    """Return the Go release (major, minor) that the text of a go.mod asks for."""
    found = re.search(r"^go (\d+)\.(\d+)", go_mod, re.MULTILINE)
    if found is None:
        raise LookupError("go.mod names no Go release")
    return int(found[1]), int(found[2])


def cache_key(*parts: str) -> str:
    """Return a short digest of PARTS in their order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:12]


def build(program: GoProgram, go: Path) -> Path:
    """Return the built program, building it with GO when the cache lacks it; raises CommandFailedError."""
    # Ours is the release that is asked for, so that Go never fetches another one.
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}

    def make(target: Path) -> None:
        argv = [str(go), "build", *program.flags, "-o", str(target), program.package]
        progress.running(f"building {program.name} {program.version}", argv, cwd=SOURCES / program.folder, env=env)

    return cache.once(program.path, make)
