"""What a release is made of: one version everywhere, archives that come out the same, and what an image contains."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import release.__main__ as program
from docs.sbom import sbom
from release.archives import Image, normalise, read_image
from release.consistency import CHANGELOG, NAMED, notes, problems, with_source
from release.contents import DPKG_STATUS, base_components
from release.engines import Build, Buildah, Docker
from release.errors import ReleaseError

ROOT = Path(__file__).parents[2]
TEXTS = {path: (ROOT / path).read_text() for path in NAMED}


def test_everything_that_names_the_version_names_one() -> None:
    assert list(problems("0.1.0", TEXTS)) == []


@pytest.mark.parametrize("path", NAMED)
def test_a_file_with_another_version_stops_the_release(path: str) -> None:
    other = TEXTS | {path: TEXTS[path].replace("0.1.0", "0.1.1", 1)}
    assert list(problems("0.1.0", other)) == [f"{path} says 0.1.1, not 0.1.0: set it there"]


@pytest.mark.parametrize("version", ["", "v0.1.0", "0.1", "latest"])
def test_what_is_no_version_is_refused(version: str) -> None:
    assert next(problems(version, TEXTS)) == f"VERSION={version} is no version such as 1.2.3"


def test_a_file_that_names_no_version_any_more_is_missed() -> None:
    assert list(problems("0.1.0", TEXTS | {"Dockerfile": ""})) == ["Dockerfile names no version any more"]


@pytest.mark.parametrize("name", ["queueworkerpool", "queueworkerpool-crds"])
def test_a_chart_names_its_sources_where_they_are_known(name: str) -> None:
    chart = (ROOT / "charts" / name / "Chart.yaml").read_text()
    assert with_source(chart, "unknown") == chart
    source = "https://git.example.com/queueworkerpool"
    named = yaml.safe_load(with_source(chart, source))
    assert named == yaml.safe_load(chart) | {"home": source, "sources": [source]}


LOG = "# Changelog\n\n## Unreleased\n\n- new\n\n## 1.1.0 - 2026-11-01\n\n- old\n- older\n\n## 1.0.0\n\n- first\n"
NOTES: dict[str, tuple[str, bool, str]] = {
    "a version with a date": ("1.1.0", False, "- old\n- older\n"),
    "the last section": ("1.0.0", False, "- first\n"),
    "a rehearsal of the next": ("1.2.0", True, "- new\n"),
    "a rehearsal of one that has a section": ("1.0.0", True, "- first\n"),
}


@pytest.mark.parametrize(("version", "rehearsal", "text"), NOTES.values(), ids=NOTES)
def test_the_notes_are_the_changelogs(version: str, rehearsal: bool, text: str) -> None:
    assert notes(version, LOG, rehearsal=rehearsal) == text


@pytest.mark.parametrize("log", [LOG, LOG.replace("- new", ""), ""])
def test_a_release_without_notes_is_refused(log: str) -> None:
    with pytest.raises(
        ReleaseError, match=r"CHANGELOG\.md has no section `## 1\.2\.0`: give `## Unreleased` that name"
    ):
        notes("1.2.0", log, rehearsal=False)


def test_this_changelog_has_notes() -> None:
    assert notes("0.1.0", (ROOT / CHANGELOG).read_text(), rehearsal=True).startswith("- ")


def packed(path: Path, files: Mapping[str, bytes], time: float, mode: Literal["w", "w:gz"] = "w") -> Path:
    """A tar archive as a program makes it today: in any order, with today's times and this machine's user."""
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uid, member.uname = len(content), time, int(time) % 7, str(time)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz")])
def test_an_archive_comes_out_the_same_each_time(name: str, mode: Literal["w", "w:gz"], tmp_path: Path) -> None:
    files = {"b": b"2" * 5000, "a/c": b"1"}
    digests = set()
    for time, order in ((1.7e9, files), (1.6e9 + 0.5, dict(reversed(files.items())))):
        folder = tmp_path / str(time)
        folder.mkdir()
        normalise(archive := packed(folder / name, order, time, mode), epoch=10**9)
        digests.add(hashlib.sha256(archive.read_bytes()).hexdigest())
        with tarfile.open(archive) as tar:
            assert {member.name: tar.extractfile(member).read() for member in tar} == files  # type: ignore[union-attr]
        assert list(folder.iterdir()) == [archive]
    assert len(digests) == 1


def oci_archive(path: Path, *layers: Mapping[str, bytes]) -> tuple[Path, str]:
    """An image's OCI archive, and its digest."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}"}

    compressed = [
        blob(gzip.compress(packed(path.with_name(f"{number}.tar"), layer, 1.7e9).read_bytes()))
        for number, layer in enumerate(layers)
    ]
    config = blob(json.dumps({"config": {"Env": ["PATH=/bin", "PYTHON_VERSION=3.11.9"]}}).encode())
    manifest = blob(json.dumps({"config": config, "layers": compressed}).encode())
    packed(path, blobs | {"index.json": json.dumps({"manifests": [manifest]}).encode()}, 1.7e9)
    return path, manifest["digest"]


def test_an_image_is_read_without_an_engine_and_a_later_layer_wins(tmp_path: Path) -> None:
    archive, digest = oci_archive(
        tmp_path / "image.tar",
        {"var/lib/dpkg/status": b"old", "./etc/os-release": b"ID=debian", "etc/passwd": b""},
        {"var/lib/dpkg/status": b"new"},
    )
    assert read_image(archive, "var/lib/dpkg/status", "etc/os-release") == Image(
        digest,
        len(b"old" + b"ID=debian" + b"new"),
        {"PATH": "/bin", "PYTHON_VERSION": "3.11.9"},
        {"var/lib/dpkg/status": "new", "etc/os-release": "ID=debian"},
    )


STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u13
Description: GNU C Library
 Shared libraries: Version: 9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: ca-certificates
Status: install ok installed
Architecture: all
Version: 1:20230311
"""
SYSTEM = 'PRETTY_NAME="Debian GNU/Linux 12"\nVERSION_ID="12"\nID=debian\n'


def test_the_document_of_a_built_image_names_the_packages_of_its_base_and_its_python() -> None:
    image = Image("", 0, {"PYTHON_VERSION": "3.11.9"}, {DPKG_STATUS: STATUS, "usr/lib/os-release": SYSTEM})
    components = list(base_components(image))
    assert [component["purl"] for component in components] == [
        "pkg:deb/debian/libc6@2.36-9+deb12u13?arch=amd64&distro=debian-12",
        "pkg:deb/debian/ca-certificates@1:20230311?arch=all&distro=debian-12",
        "pkg:generic/python@3.11.9",
    ]
    text = sbom(ROOT / "requirements-worker.lock", "queueworkerpool-worker", components)
    assert '"name": "libc6"' in text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_an_image_of_another_system_adds_nothing() -> None:
    assert list(base_components(Image("", 0, {}, {}))) == []


def test_of_the_worker_a_release_has_wheel_and_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "DIST", tmp_path)
    commit = program.Commit("", 1_790_000_000, tagged=False)
    made = [make(ROOT / "worker", commit) for make in (program._wheel, program._sdist)]
    assert made == ["queueworker-0.1.0-py3-none-any.whl", "queueworker-0.1.0.tar.gz"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == made
    assert {ROOT / project / "pyproject.toml" for project in program.PROJECTS} <= {ROOT / path for path in NAMED}


BUILD = Build("worker", "w:1", "base@sha256:0", {"VERSION": "1"}, 7, ("--pull",))


@pytest.mark.parametrize("engine", [Buildah(), Docker()], ids=["buildah", "docker"])
def test_an_engine_is_given_everything_that_shapes_the_image(engine: Buildah | Docker) -> None:
    commands = engine.build(BUILD, Path("context"), Path("w.tar"))
    assert {"--target=worker", "--build-arg=BASE=base@sha256:0", "--build-arg=VERSION=1", "--pull", "--no-cache"} <= {
        *commands[0]
    }
    assert commands[0][-1] == "context"
    assert any("w.tar" in word for word in commands[-1])
    assert {"--timestamp=7", "--build-arg=SOURCE_DATE_EPOCH=7"} & {*commands[0]}, "times are the commit's"
    assert [words for words in engine.base_digest("base") if "base" in words] != []


def test_without_an_engine_it_says_in_one_sentence_what_is_missing(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "release", "0.1.0"]
    env = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "release: no container engine that builds images is here: install buildah (github.com/containers/buildah), "
        "or docker with buildx (docs.docker.com/engine/install)\n"
    )
