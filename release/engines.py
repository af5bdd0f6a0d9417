"""The container engines that can build images: what to call, as data, and which of them is here. `main` runs it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from release.errors import ReleaseError

MISSING = (
    "no container engine that builds images is here: install buildah (github.com/containers/buildah), "
    "or docker with buildx (docs.docker.com/engine/install)"
)


@dataclass(frozen=True, slots=True)
class Build:
    """One image to build.

    Args:
        target: The stage of the Dockerfile.
        name: The image's name, with its tag.
        base: The base image.
        arguments: The other build arguments.
        epoch: The time of everything in it, in seconds since 1970.
        options: More options of the engine's build command.
    """

    target: str
    name: str
    base: str
    arguments: dict[str, str]
    epoch: int
    options: tuple[str, ...] = ()

    @property
    def flags(self) -> list[str]:
        """The options that all engines know."""
        given = [f"--build-arg={name}={value}" for name, value in ({"BASE": self.base} | self.arguments).items()]
        return [f"--target={self.target}", *given, *self.options]


class Engine(Protocol):
    """A container engine."""

    def base_digest(self, base: str) -> list[list[str]]:
        """Return the commands whose last one prints the digest of a base image."""

    def build(self, build: Build, context: Path, archive: Path) -> list[list[str]]:
        """Return the commands that build an image and write its OCI archive."""


class Buildah:
    """buildah, which needs no daemon."""

    def base_digest(self, base: str) -> list[list[str]]:
        """Return the commands that fetch a base image when it is not here, and print its digest."""
        inspect = ["buildah", "inspect", "--type=image", "--format={{.FromImageDigest}}", base]
        return [["buildah", "pull", "--quiet", "--policy=missing", base], inspect]

    def build(self, build: Build, context: Path, archive: Path) -> list[list[str]]:
        """Return the commands that build an image and write its OCI archive."""
        same = [f"--timestamp={build.epoch}", "--identity-label=false", "--no-cache", f"--tag={build.name}"]
        push = ["buildah", "push", "--quiet", "--format=oci", build.name, f"oci-archive:{archive}:{build.name}"]
        return [["buildah", "build", "--quiet", *same, *build.flags, str(context)], push]


class Docker:
    """docker with buildx."""

    def base_digest(self, base: str) -> list[list[str]]:
        """Return the command that prints the digest of a base image, as its registry tells it."""
        return [["docker", "buildx", "imagetools", "inspect", base, "--format={{.Manifest.Digest}}"]]

    def build(self, build: Build, context: Path, archive: Path) -> list[list[str]]:
        """Return the command that builds an image and writes its OCI archive."""
        output = f"--output=type=oci,dest={archive},name={build.name},rewrite-timestamp=true"
        same = [f"--build-arg=SOURCE_DATE_EPOCH={build.epoch}", "--provenance=false", "--no-cache", output]
        return [["docker", "buildx", "build", *same, *build.flags, str(context)]]


def found() -> Engine:
    """Return the engine that is here. Raises ReleaseError when there is none."""
    if shutil.which("buildah"):
        return Buildah()
    if (
        shutil.which("docker")
        and subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
    ):
        return Docker()
    raise ReleaseError(MISSING)
