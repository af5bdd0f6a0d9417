"""What is locked, what the images are said to contain, and a wheel that comes out the same wherever it is built."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from docs.sbom import entries, sbom

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "crds", "operator", "worker", "common")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_a_hash_for_everything_and_no_address(lock: Path) -> None:
    found = entries(lock)
    assert len(found) >= 4
    assert [name for name, _, hashes in found if not hashes] == []
    assert [line for line in lock.read_text().splitlines() if "://" in line or line.startswith("-")] == []


def test_the_dockerfile_installs_nothing_without_a_hash() -> None:
    installs = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if " install " in line]
    assert len(installs) == 5
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)


@pytest.mark.parametrize("image", ["operator", "worker"])
def test_the_document_of_an_image_holds_what_is_locked(image: str) -> None:
    lock, text = ROOT / f"requirements-{image}.lock", (ROOT / "sbom" / f"{image}.cdx.json").read_text()
    assert text == sbom(lock, f"queueworkerpool-{image}")
    assert all(f'"purl": "pkg:pypi/{name.lower()}@{version}"' in text for name, version, _ in entries(lock))


@pytest.mark.parametrize("image", ["operator", "worker"])
def test_the_document_of_an_image_is_valid(image: str) -> None:
    text = (ROOT / "sbom" / f"{image}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace("library", "books")) is not None


def built(folder: Path, umask: int, age: float) -> Path:
    """The wheel, built from a copy of the sources in FOLDER whose files are that old."""
    folder.mkdir(parents=True)
    for source in (ROOT / name for name in SOURCES):
        if source.is_dir():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & ~umask)
        os.utime(path, (age, age))
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    argv += ["--no-index", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(folder)]
    subprocess.run(argv, check=True, umask=umask)
    [wheel] = (folder / "dist").iterdir()
    return wheel


def test_the_wheel_is_the_same_wherever_it_is_built_and_holds_the_programs_alone(tmp_path: Path) -> None:
    wheels = [built(tmp_path / "one", 0o022, 1.7e9), built(tmp_path / "elsewhere" / "two", 0o077, 1.6e9)]
    assert len({hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}) == 1
    with zipfile.ZipFile(wheels[0]) as packed:
        names = packed.namelist()
        scripts = next(packed.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    assert {name.partition("/")[0] for name in names} == {
        "queueworkerpool",
        "queueworker",
        "queueaddress",
        "boundedhttp",
        "awsaccess",
        "queueworkerpool-0.1.0.dist-info",
    }
    assert {
        "queueworkerpool/queueworkerpools.yaml",
        "queueworkerpool/py.typed",
        "queueworker/py.typed",
        "queueaddress/py.typed",
        "boundedhttp/py.typed",
        "awsaccess/py.typed",
    } <= set(names)
    assert [line.partition(" ")[0] for line in scripts.splitlines()[1:] if line] == [
        "kubectl-qwp",
        "queueworker",
        "qwp",
    ]
