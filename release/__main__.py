"""`make release VERSION=1.2.3`: writes everything that a release consists of into `dist/`, the same each time.

Images as OCI archives, the charts, the wheels, the worker's sdist, the plugin of kubectl, an SBOM per image, the
notes, and the checksums of all. Sources and times are those of the commit: what is not committed is not in it. It
publishes nothing; .github/workflows/release.yml does.
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from devcluster import DevclusterError, tools
from docs.sbom import sbom
from release import archives, consistency, contents, engines, plugin
from release.errors import ReleaseError

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
IMAGES = ("operator", "worker")
PROJECTS = (".", "worker", "planner")
"""The folders of what becomes a wheel."""
CHARTS = ("queueworkerpool", "queueworkerpool-crds")
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
CHECKSUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be released.

    Args:
        version: The version, such as 1.2.3.
        registry: The registry that the chart takes the operator's image from; empty: none is named.
        source: The address of the sources, for the images' labels.
        base: The base image.
        options: More options of the engine's build command.
    """

    version: str
    registry: str
    source: str
    base: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that is released.

    Args:
        revision: Its hash.
        epoch: When it was made, in seconds since 1970.
        tagged: Whether it has the version's tag.
    """

    revision: str
    epoch: int
    tagged: bool


def main() -> int:
    """Make the release; return the exit code."""
    try:
        order = _order()
        with tempfile.TemporaryDirectory(prefix="release-") as folder:
            for line in release(order, Path(folder)):
                print(line, flush=True)
    except (ReleaseError, DevclusterError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def _order() -> Order:
    default = re.search(r"^ARG BASE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    parser = argparse.ArgumentParser(prog="make release", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("version")
    parser.add_argument("--registry", default="")
    parser.add_argument("--source", default="unknown")
    parser.add_argument("--base", default=default[1] if default else "")
    parser.add_argument("--build-option", action="append", default=[], help="an option of the engine's build command")
    given = parser.parse_args()
    return Order(given.version, given.registry, given.source, given.base, tuple(given.build_option))


def release(order: Order, folder: Path) -> Iterator[str]:
    """Make the release by way of a folder for what is not part of it; yield what was written. Raises ReleaseError."""
    engine = engines.found()
    commit = _commit(order.version)
    source = _sources(folder)
    texts = {path: (source / path).read_text() for path in (*consistency.NAMED, consistency.CHANGELOG)}
    if found := list(consistency.problems(order.version, texts)):
        raise ReleaseError("; ".join(found))
    notes = consistency.notes(order.version, texts[consistency.CHANGELOG], rehearsal=not commit.tagged)
    if not commit.tagged:
        yield f"a rehearsal: the commit has no tag v{order.version}"
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    (DIST / "NOTES.md").write_text(notes)
    for project in PROJECTS:
        yield _wheel(source / project, commit)
    yield _sdist(source / "worker", commit)
    yield from _plugin(order, source, commit)
    _name_registry(order, source / "charts" / "queueworkerpool")
    for chart in CHARTS:
        yield _chart(order, source / "charts" / chart, commit)
    digest = _run(*engine.base_digest(order.base)).strip()
    for target in IMAGES:
        yield from _image(engine, _build(order, commit, digest, target), source)
    yield _checksums()


def _commit(version: str) -> Commit:
    revision, epoch = _run(["git", "-C", str(ROOT), "show", "-s", "--format=%H %ct"]).split()
    return Commit(revision, int(epoch), f"v{version}" in _run(["git", "-C", str(ROOT), "tag", "--points-at"]).split())


def _sources(folder: Path) -> Path:
    """Unpack the sources of the commit."""
    archive, source = folder / "sources.tar", folder / "sources"
    _run(["git", "-C", str(ROOT), "archive", f"--output={archive}", "HEAD"])
    with tarfile.open(archive) as tar:
        tar.extractall(source, filter="data")
    return source


def _wheel(project: Path, commit: Commit) -> str:
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    return _added([*argv, "--no-build-isolation", f"--wheel-dir={DIST}", str(project)], project, commit)


def _sdist(project: Path, commit: Commit) -> str:
    argv = [sys.executable, "-m", "hatchling", "build", "--target=sdist", f"--directory={DIST}"]
    return _added(argv, project, commit)


def _added(argv: list[str], folder: Path, commit: Commit) -> str:
    """Run a command in a folder; return the name of the file that it adds to the release."""
    before = set(DIST.iterdir())
    _run(argv, epoch=commit.epoch, folder=folder)
    [file] = set(DIST.iterdir()) - before
    return file.name


def _plugin(order: Order, source: Path, commit: Commit) -> Iterator[str]:
    packed = DIST / f"{plugin.NAME}-{order.version}.tar.gz"
    plugin.archive(source, order.version, packed)
    archives.normalise(packed, commit.epoch)
    yield f"{packed.name} ({packed.stat().st_size / 1e6:.1f} MB)"
    if not order.source.startswith("https://"):
        yield "no manifest for krew, which needs an address: give RELEASE_OPTIONS=--source https://…"
        return
    manifest = DIST / "qwp.yaml"
    manifest.write_text(plugin.manifest(order.version, order.source, hashlib.sha256(packed.read_bytes()).hexdigest()))
    yield manifest.name


def _name_registry(order: Order, chart: Path) -> None:
    for name, empty, full in (
        ("values.yaml", '\n  registry: ""\n', f'\n  registry: "{order.registry}"\n'),
        ("README.md", '| `image.registry` | `""` |', f'| `image.registry` | `"{order.registry}"` |'),
    ):
        text = (chart / name).read_text()
        if text.count(empty) != 1:
            raise ReleaseError(f"the chart's {name} does not have `{empty.strip()}` once: see release/__main__.py")
        (chart / name).write_text(text.replace(empty, full))


def _chart(order: Order, chart: Path, commit: Commit) -> str:
    metadata = chart / "Chart.yaml"
    metadata.write_text(consistency.with_source(metadata.read_text(), order.source))
    _run([str(tools.helm()), "package", str(chart), f"--destination={DIST}"])
    packed = DIST / f"{chart.name}-{order.version}.tgz"
    archives.normalise(packed, commit.epoch)
    return packed.name


def _build(order: Order, commit: Commit, digest: str, target: str) -> engines.Build:
    created = datetime.fromtimestamp(commit.epoch, UTC).isoformat().replace("+00:00", "Z")
    said = {"VERSION": order.version, "REVISION": commit.revision, "CREATED": created, "SOURCE": order.source}
    name = f"queueworkerpool-{target}:{order.version}"
    return engines.Build(target, name, order.base, said | {"BASE_DIGEST": digest}, commit.epoch, order.options)


def _image(engine: engines.Engine, build: engines.Build, source: Path) -> Iterator[str]:
    machine = MACHINES.get(platform.machine(), platform.machine())
    archive = DIST / f"{build.name.replace(':', '-')}-linux-{machine}.oci.tar"
    _run(*engine.build(build, source, archive))
    archives.normalise(archive, build.epoch)
    image = archives.read_image(archive, contents.DPKG_STATUS, *contents.OS_RELEASE)
    lock, components = source / f"requirements-{build.target}.lock", contents.base_components(image)
    document = DIST / archive.name.replace(".oci.tar", ".cdx.json")
    document.write_text(sbom(lock, build.name.partition(":")[0], components))
    sizes = f"{archive.stat().st_size / 1e6:.0f} MB, unpacked {image.unpacked_bytes / 1e6:.0f} MB"
    yield f"{archive.name} ({sizes}, {image.digest})"
    yield document.name


def _checksums() -> str:
    files = sorted(DIST.iterdir())
    lines = (f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (DIST / CHECKSUMS).write_text("".join(lines))
    return CHECKSUMS


def _run(*commands: list[str], epoch: int | None = None, folder: Path | None = None) -> str:
    """Run commands one after the other; return what the last one printed. Raises ReleaseError when one fails."""
    env = os.environ | ({"SOURCE_DATE_EPOCH": str(epoch)} if epoch is not None else {})
    printed = ""
    for argv in commands:
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise ReleaseError("\n".join([f"{' '.join(argv[:3])} … failed:", *said[-8:]]))
        printed = done.stdout
    return printed


if __name__ == "__main__":
    sys.exit(main())
