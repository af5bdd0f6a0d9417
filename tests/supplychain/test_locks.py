"""What is locked, and what the images are said to contain."""

import re
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from docs.sbom import entries, sbom

ROOT = Path(__file__).parents[2]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


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


OURS = {"queueplanner", "queueworker", "queueworkerpool"}


@pytest.mark.parametrize("folder", ["planner", "worker"])
def test_what_planner_and_worker_need_is_locked_but_for_ourselves(folder: str) -> None:
    """They are no part of the lock, which would look for them in an index."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[^\w-]", each)[0] for each in project["dependencies"]} - OURS
    locked = {name for name, _, _ in entries(ROOT / "requirements.lock")}
    assert (names - locked, OURS & locked) == (set(), set())


def test_the_workers_image_has_what_the_worker_needs_and_the_whole_of_boto3_for_handlers() -> None:
    project = tomllib.loads((ROOT / "worker/pyproject.toml").read_text())
    given = [*project["project"]["dependencies"], *project["dependency-groups"]["image"]]
    named = {re.split(r"[^\w-]", each)[0] for each in given}
    assert named == {"boto3", "botocore", "click", "prometheus-client"}
    lock = (ROOT / "requirements-worker.lock").read_text()
    direct = re.findall(r"^(\S+)==[^#]*?# via\n(?:    #   \S+(?: \S+)?\n)*?    #   queueworker ", lock, re.MULTILINE)
    assert set(direct) == named


def test_the_images_get_nothing_of_the_planner() -> None:
    assert "planner" not in (ROOT / "Dockerfile").read_text()
    assert "planner" not in (ROOT / ".dockerignore").read_text()
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert [lock.name for lock in LOCKS if "numpy" in {name for name, _, _ in entries(lock)}] == ["requirements.lock"]
