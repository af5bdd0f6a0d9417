"""Build container images without a container engine: a base by debootstrap, the rest by buildah. Needs root.

Images, layers and the base stay in the user's cache, so only what has changed is built again. An image is named as in
Kubernetes' manifests, and handed over as an archive that `RealCluster` loads.
"""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devcluster import cache, commands, golang, progress, tools
from devcluster.errors import CommandFailedError, UnavailableError
from devcluster.kubelet.documents import DNS_IMAGE, PAUSE_IMAGE

SUITE = "bookworm"
PACKAGES = ("python3", "python3-pip", "ca-certificates")
# What python:slim leaves out too: sizes of images mean what they mean there.
LEFT_OUT = (
    *("usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*", "usr/share/info/*", "usr/share/python-wheels"),
    *("usr/lib/python3*/**/__pycache__", "var/cache/apt/archives/*", "var/cache/debconf/*", "var/lib/apt/lists/*"),
    "var/log/*",
)
DEFAULT_MIRROR = "http://deb.debian.org/debian"
# What a build needs of this machine to reach the network; nothing of it stays in the image.
NETWORK_SETTINGS = ("/etc/ssl/certs", "/usr/share/ca-certificates", "/etc/pip.conf")


@dataclass(frozen=True)
class Build:
    """An image to build.

    Args:
        name: Its name in manifests, such as `queueworkerpool-worker:0.1.0`.
        context: The folder that its Dockerfile may copy from.
        target: The stage; empty: the last.
        dockerfile: The Dockerfile, below the context.
        arguments: Build arguments, by name.
        bases: Images that were built here, by the name that stands for them in a FROM of the Dockerfile.
    """

    name: str
    context: Path
    target: str = ""
    dockerfile: str = "Dockerfile"
    arguments: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)


class Images:
    """Builds images and keeps them in FOLDER, by default in the user's cache."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (folder or cache.folder() / "images").resolve()

    def base(self) -> str:
        """Return the name of an image of a small Debian with Python, made when it is not there yet.

        It stands for python:slim where no registry can be reached.
        """
        _check()
        mirror = _mirror()
        name = f"localhost/base:{golang.cache_key(SUITE, *PACKAGES, *LEFT_OUT, mirror)}"
        with cache.locked(self._folder / "base"):
            if not self._exists(name):
                self._make_base(name, mirror)
        return name

    def build(self, build: Build) -> None:
        """Build an image; layers that have not changed are taken from the cache. Raises CommandFailedError."""
        _check()
        volumes = [f"--volume={each}:{each}:ro" for each in NETWORK_SETTINGS if Path(each).exists()]
        argv = [
            *("buildah", "build", "--isolation=chroot", "--layers", "--http-proxy=false", *volumes),
            *(f"--build-arg={name}={value}" for name, value in build.arguments.items()),
            *(f"--build-context={name}=docker-image://{_local(image)}" for name, image in build.bases.items()),
            *([f"--target={build.target}"] if build.target else []),
            *(f"--file={build.context / build.dockerfile}", f"--tag={_local(build.name)}", str(build.context)),
        ]
        progress.running(f"building image {build.name}", argv, env=self._environment())

    def archive(self, name: str) -> Path:
        """Return an archive of an image that was built; it is written anew only when the image has changed."""
        identity = (
            self._buildah("images", "--format={{.ID}}", "--no-trunc", _local(name)).strip().removeprefix("sha256:")
        )
        stem = re.sub(r"[^a-z0-9.-]", "-", name)
        target = self._folder / "archives" / stem / f"{identity[:12]}.tar"

        def make(path: Path) -> None:
            for older in target.parent.glob("*.tar"):
                older.unlink()
            # Not compressed: the archive is read once, on this machine.
            argv = ["buildah", "push", _local(name), f"docker-archive:{path}:{qualified(name)}"]
            progress.running(f"writing image {name}", argv, env=self._environment())

        return cache.once(target, make)

    @contextmanager
    def mounted(self, name: str) -> Iterator[Path]:
        """Yield the folder of a container's root that holds an image; what is written there is dropped."""
        container = self._buildah("from", _local(name)).strip()
        try:
            yield Path(self._buildah("mount", container).strip())
        finally:
            self._buildah("rm", container)

    def for_nodes(self) -> list[Path]:
        """Return archives of the images that every real node needs: what holds a pod, and the cluster's DNS."""
        made = []
        for name, program in ((PAUSE_IMAGE, tools.node("pause")), (DNS_IMAGE, tools.node("coredns"))):
            self._of_program(name, program)
            made.append(self.archive(name))
        return made

    def _of_program(self, name: str, program: Path) -> None:
        """Make an image that holds one static program."""
        _check()
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy2(program, Path(folder) / "program")
            (Path(folder) / "Dockerfile").write_text('FROM scratch\nCOPY program /\nENTRYPOINT ["/program"]\n')
            self.build(Build(name, Path(folder)))

    def _make_base(self, name: str, mirror: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            root = Path(scratch) / "root"
            include = f"--include={','.join(PACKAGES)}"
            argv = ["debootstrap", "--variant=minbase", include, SUITE, str(root), mirror]
            progress.running("making the base image", argv)
            (root / "etc/apt/sources.list").write_text("")
            for each in [path for pattern in LEFT_OUT for path in root.glob(pattern)]:
                _remove(each)
            (Path(scratch) / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")
            self.build(Build(name, Path(scratch)))

    def _exists(self, name: str) -> bool:
        try:
            self._buildah("inspect", "--type=image", name)
        except CommandFailedError:
            return False
        return True

    def _buildah(self, *arguments: str) -> str:
        return commands.run(Path("buildah"), arguments, self._environment(), None)

    def _environment(self) -> dict[str, str]:
        """Return the environment of buildah: storage of our own, apart from what the machine's user keeps."""
        settings = self._folder / "storage.conf"
        if not settings.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            places = f'graphroot = "{self._folder}/storage"\nrunroot = "{self._folder}/run"\n'
            settings.write_text(f'[storage]\ndriver = "overlay"\n{places}')
        return os.environ | {"CONTAINERS_STORAGE_CONF": str(settings)}


def qualified(name: str) -> str:
    """Return the whole name that a short NAME in a manifest stands for."""
    first = name.split("/", 1)[0]
    if "/" in name and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"


def _remove(path: Path) -> None:
    """Remove a file, or a folder but for copyright notices."""
    if path.is_dir() and not path.is_symlink() and any(path.rglob("copyright")):
        for other in path.iterdir():
            if other.name != "copyright":
                _remove(other)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _local(name: str) -> str:
    return name if name.startswith("localhost/") else f"localhost/{name}"


def _mirror() -> str:
    """Return the mirror that this machine's apt uses, where that is one of Debian."""
    if platform.freedesktop_os_release().get("ID") != "debian":
        return DEFAULT_MIRROR
    listed = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in (each for each in listed if each.is_file()):
        if found := re.search(r"^(?:URIs:|deb(?: \[.*?\])?)\s+(https?://\S+)", source.read_text(), re.MULTILINE):
            return found[1]
    return DEFAULT_MIRROR


def _check() -> None:
    missing = [program for program in ("buildah", "debootstrap") if shutil.which(program) is None]
    if missing:
        raise UnavailableError(f"images cannot be built here: apt-get install {' '.join(missing)}")
    if os.geteuid() != 0:
        raise UnavailableError("images cannot be built here: buildah and debootstrap are run as root")
