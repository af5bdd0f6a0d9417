"""The archive of `kubectl qwp`, and its manifest for krew: pure Python for every platform, from the locked libraries.

`main` calls it. A zip that Python runs as it is would do without unpacking, but libraries look for their files beside
themselves. The libraries are taken from this environment, which was installed by the lock's hashes; each file is
checked against the record of its library. Compiled parts are left out: all of these libraries work without.
"""

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from docs.sbom import entries
from images.prune import KEPT
from release.errors import ReleaseError

NAME = "kubectl-qwp"
LIBRARIES = (
    *("click", "cronsim", "kubernetes", "tzdata", "urllib3"),
    # What the Kubernetes client imports to read a kubeconfig. It also imports pydantic, which is compiled and which
    # nothing here uses: see queueworkerpool.cluster.library.
    *("certifi", "charset-normalizer", "durationpy", "idna", "oauthlib", "python-dateutil", "pyyaml", "requests"),
    *("requests-oauthlib", "six", "typing-extensions", "websocket-client"),
)
"""The distributions that the commands load; the test of the archive runs them where nothing else is installed."""

_PACKAGES = {
    "queueworkerpool": "operator",
    "queueaddress": "common",
    "commandoutput": "common",
    "threadframes": "common",
}
_COMPILED = {".so", ".pyd", ".pyc", ".dylib"}

LAUNCHER = '''#!/usr/bin/env python3
"""kubectl qwp: starts the commands of queueworkerpool, whose libraries lie in lib/ beside this file."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit("Error: kubectl qwp needs Python 3.11 or newer as python3; this is %d.%d" % sys.version_info[:2])

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib"))

from queueworkerpool.__main__ import main

main(prog_name="kubectl qwp")
'''


def archive(source: Path, version: str, path: Path) -> None:
    """Write the archive of a version, as `release.archives.normalise` makes it reproducible. Raises ReleaseError."""
    with tarfile.open(path, "w:gz") as tar:
        _add(tar, NAME, LAUNCHER.encode(), 0o755)
        _add(tar, "LICENSE", (source / "LICENSE").read_bytes())
        for name, content in (*_own(source, version), *_libraries(source / "requirements.lock")):
            _add(tar, f"lib/{name}", content)


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def _own(source: Path, version: str) -> Iterator[tuple[str, bytes]]:
    """Yield our own files, as the wheel has them."""
    for package, folder in _PACKAGES.items():
        for path in sorted((source / folder / package).rglob("*.py")):
            yield path.relative_to(source / folder).as_posix(), path.read_bytes()
    yield "queueworkerpool/queueworkerpools.yaml", (source / "crds" / "queueworkerpools.yaml").read_bytes()
    metadata = f"Metadata-Version: 2.1\nName: queueworkerpool\nVersion: {version}\n"
    yield f"queueworkerpool-{version}.dist-info/METADATA", metadata.encode()


def _libraries(lock: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the libraries. Raises ReleaseError when they are not those of the lock."""
    locked = {name: version for name, version, _ in entries(lock)}
    for name in LIBRARIES:
        try:
            found = distribution(name)
        except PackageNotFoundError as error:
            raise ReleaseError(f"{name} is not installed: run `make setup`") from error
        if found.version != locked.get(name):
            raise ReleaseError(f"{name} {found.version} is not the locked {locked.get(name)}: run `make setup`")
        yield from _files(found)


def _files(library: Distribution) -> Iterator[tuple[str, bytes]]:
    for file in library.files or ():
        path = PurePosixPath(file)
        if ".." in path.parts or path.suffix in _COMPILED or not _is_kept(path):
            continue
        content = file.read_binary()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if file.hash is None or file.hash.value != digest:
            raise ReleaseError(f"{file} is not as it was installed: run `make clean setup`")
        yield path.as_posix(), content


def _is_kept(path: PurePosixPath) -> bool:
    """Return whether a file of a library belongs into the archive: what the image leaves out does not."""
    if path.parts[0].endswith(".dist-info"):  # the others say how and where it was installed
        return path.name == "METADATA" or "licen" in path.as_posix().lower()
    for folder, kept in KEPT.items():
        if path.is_relative_to(folder):
            return path.relative_to(folder).parts[0] in kept
    return True


def manifest(version: str, source: str, checksum: str) -> str:
    """Return krew's manifest of the archive with this SHA-256, in a release of the repository at `source`."""
    return f"""\
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: qwp
spec:
  version: v{version}
  homepage: {source}
  shortDescription: See and explain pools of queue workers
  description: |
    Shows the pools of queueworkerpool, an operator that sizes Deployments by the backlog of their SQS queues: list,
    explain, history, and compare with what another autoscaler set.
  caveats: |
    It needs Python 3.11 or newer as python3.
  platforms:
  - selector:
      matchExpressions:
      - {{key: os, operator: In, values: [linux, darwin]}}
    uri: {source}/releases/download/v{version}/{NAME}-{version}.tar.gz
    sha256: {checksum}
    bin: {NAME}
"""
