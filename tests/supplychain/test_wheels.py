"""The wheels: the same wherever they are built, each with its own alone, and what comes of installing them together."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_string
from email.message import Message
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from docs.sbom import entries
from testbed.interpreters import pip, programs_of, wheel_of

ROOT = Path(__file__).parents[2]
SOURCES = {
    "queueworkerpool": (".", ("pyproject.toml", "README.md", "LICENSE", "crds", "operator", "common")),
    "queueworker": ("worker", ("common", "worker")),
    "queueplanner": ("planner", ("planner/pyproject.toml", "planner/LICENSE", "planner/queueplanner")),
}
"""The project's folder, and what it is built from."""
COMMON = ("queueaddress", "boundedhttp", "awsaccess", "sqsrequest", "commandoutput", "threadframes")
HOLDS = {
    "queueworkerpool": ("", *(f"_common/{name}/" for name in COMMON)),
    "queueworker": ("", *(f"_common/{name}/" for name in COMMON)),
    "queueplanner": ("",),
}
"""The packages of each, below its own."""
FILES = {"queueworkerpool": {"queueworkerpool/queueworkerpools.yaml"}}
COMMANDS = {
    "queueworkerpool": ("console_scripts", ["kubectl-qwp", "qwp"]),
    "queueworker": ("console_scripts", ["queueworker"]),
    "queueplanner": ("queueworkerpool.commands", ["recommend", "simulate"]),
}
"""What can be called once it is installed, and as what kind of entry point."""


def copied(name: str, folder: Path, umask: int = 0o022, age: float = 1.7e9) -> Path:
    """The project's folder in a copy of its sources in FOLDER whose files are that old."""
    for path in SOURCES[name][1]:
        source, target = ROOT / path, folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for file in (each for each in folder.rglob("*") if not each.is_symlink()):
        file.chmod(file.stat().st_mode & ~umask)
        os.utime(file, (age, age))
    return folder / SOURCES[name][0]


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        return message_from_string(
            next(packed.read(name).decode() for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", SOURCES)
def test_a_wheel_is_the_same_wherever_it_is_built_and_holds_its_own_alone(name: str, tmp_path: Path) -> None:
    one = wheel_of(copied(name, tmp_path / "one"), tmp_path / "dist")
    two = wheel_of(copied(name, tmp_path / "elsewhere" / "two", 0o077, 1.6e9), tmp_path / "elsewhere" / "dist", 0o077)
    assert digest(one) == digest(two)
    with zipfile.ZipFile(one) as packed:
        names = packed.namelist()
        points = ConfigParser()
        points.read_string(packed.read(f"{name}-0.1.0.dist-info/entry_points.txt").decode())
    information = f"{name}-0.1.0.dist-info"
    assert {path.partition("/")[0] for path in names} == {name, information}
    packages = {f"{name}/{package}" for package in HOLDS[name]}
    assert {path.removesuffix("py.typed") for path in names if path.endswith("py.typed")} == packages
    assert {f"{information}/licenses/LICENSE"} | FILES.get(name, set()) <= set(names)
    kind, commands = COMMANDS[name]
    assert sorted(points[kind]) == commands


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each project's wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    return {name: wheel_of(copied(name, folder / name), folder / "dist" / name) for name in SOURCES}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker's sources, as they are published."""
    return packed_sources(tmp_path_factory.mktemp("sdist"))


def packed_sources(folder: Path, umask: int = 0o022, age: float = 1.7e9) -> Path:
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder / "dist")]
    project = copied("queueworker", folder / "sources", umask, age)
    subprocess.run(argv, cwd=project, check=True, umask=umask, capture_output=True)
    [archive] = (folder / "dist").iterdir()
    return archive


def test_the_workers_sdist_is_the_same_wherever_it_is_built_and_its_wheel_is_that_of_the_repository(
    sdist: Path, wheels: dict[str, Path], tmp_path: Path
) -> None:
    assert digest(sdist) == digest(packed_sources(tmp_path / "elsewhere", 0o077, 1.6e9))
    with tarfile.open(sdist) as archive:
        assert [member.name for member in archive if not member.isfile()] == [], "links do not work everywhere"
    wheel = wheel_of(sdist, tmp_path / "dist")
    assert digest(wheel) == digest(wheels["queueworker"])


def test_the_workers_licence_is_the_projects() -> None:
    """A copy: an sdist would have a link as a link, to nothing."""
    assert (ROOT / "worker" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


NEEDS = {
    "queueworker": {
        "": ["botocore", "click", "prometheus-client"],
        "otel": ["opentelemetry-api"],
        "pydantic": ["pydantic"],
        "s3": ["boto3"],
    },
    "queueworkerpool": {
        "": [
            *("boto3", "click", "cronsim", "kopf", "kubernetes", "prometheus-client", "python-json-logger", "pyyaml"),
            *("tzdata", "urllib3"),
        ],
        "cli": ["cel-expr-python", "ruamel-yaml"],
        "planner": ["queueplanner"],
    },
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_wheel_says_what_it_needs_and_what_it_can_do_with_more(name: str, wheels: dict[str, Path]) -> None:
    said = metadata(wheels[name])
    found: dict[str, list[str]] = {extra: [] for extra in ("", *said.get_all("Provides-Extra", []))}
    for needed in map(Requirement, said.get_all("Requires-Dist", [])):
        extra = next(each for each in found if needed.marker is None or needed.marker.evaluate({"extra": each}))
        found[extra].append(needed.name)
    assert {extra: sorted(libraries) for extra, libraries in found.items()} == NEEDS[name]


def brought(*names: str) -> set[str]:
    """What pip installs for these libraries without extras, by what is installed here."""
    needed = {each.name for name in names for each in map(Requirement, requires(name) or []) if applies(each)}
    return {*names} | (brought(*needed) if needed else set())


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def test_the_worker_without_extras_brings_no_boto3(wheels: dict[str, Path]) -> None:
    direct = [
        each.name
        for each in map(Requirement, metadata(wheels["queueworker"]).get_all("Requires-Dist", []))
        if applies(each)
    ]
    locked = {name for name, _, _ in entries(ROOT / "requirements-worker.lock")}
    assert brought(*direct) == locked - {"boto3", "s3transfer"} < locked


def test_the_workers_wheel_introduces_itself(wheels: dict[str, Path]) -> None:
    said = metadata(wheels["queueworker"])
    assert (said["Version"], said["Requires-Python"], said["License-Expression"]) == ("0.1.0", ">=3.11", "Apache-2.0")
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload() == (ROOT / "worker" / "README.md").read_text()


def run(programs: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), "HOME": str(programs)}
    argv = [str(programs / program), *arguments]
    return subprocess.run(argv, cwd=programs, env=environment, capture_output=True, text=True, check=False)


SIMULATE = ("simulate", "--rival", "keda", "--shape", "burst:messages=50,seconds=20m", "--service", "1s")


def test_operators_and_planners_wheels_together_simulate(wheels: dict[str, Path], tmp_path: Path) -> None:
    programs = programs_of(tmp_path / "environment", wheels["queueworkerpool"], wheels["queueplanner"])
    done = run(programs, "qwp", *SIMULATE, "--html", str(tmp_path / "page.html"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "50 messages in 20m" in done.stdout
    assert "</html>" in (tmp_path / "page.html").read_text()
    where = (
        "import queueplanner.sources.aws as planner, queueworkerpool; print(planner.__file__, queueworkerpool.__file__)"
    )
    found = run(programs, "python", "-I", "-c", where).stdout.split()
    assert [Path(path).is_relative_to(tmp_path) for path in found] == [True, True]


WHOLE = {
    "queueworker": ("queueworker", "--help"),
    "queueworkerpool": ("qwp", "validate", "--help"),
}
"""A command of each that loads all of it."""
PARTS = "import queueworker.runtime, queueworker.handlers.child, queueaddress; print(queueaddress.__file__)"


@pytest.mark.parametrize(("stays", "goes"), [("queueworker", "queueworkerpool"), ("queueworkerpool", "queueworker")])
def test_where_operator_and_worker_are_installed_the_one_stays_whole_when_the_other_goes(
    stays: str, goes: str, wheels: dict[str, Path], tmp_path: Path
) -> None:
    programs = programs_of(tmp_path, wheels[stays], wheels[goes])
    assert [run(programs, *command).returncode for command in WHOLE.values()] == [0, 0]
    pip(programs, "uninstall", "--yes", goes)
    done = run(programs, *WHOLE[stays])
    assert (done.returncode, done.stderr) == (0, "")
    assert not (programs / WHOLE[goes][0]).exists()


def test_the_worker_runs_by_what_its_own_wheel_holds(wheels: dict[str, Path], tmp_path: Path) -> None:
    programs = programs_of(tmp_path, wheels["queueworker"])
    done = run(programs, "python", "-I", "-c", PARTS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "/queueworker/_common/" in done.stdout


TEST_OF_A_HANDLER = """
def test_it(sqs_worker):
    assert sqs_worker.consume(lambda message: None, "a").handled == ["a"]
"""


def test_the_workers_wheel_gives_tests_their_fixture(wheels: dict[str, Path], tmp_path: Path) -> None:
    programs = programs_of(tmp_path / "environment", wheels["queueworker"])
    (programs / "test_it.py").write_text(TEST_OF_A_HANDLER)
    done = run(programs, "python", "-m", "pytest", "-p", "no:cacheprovider", "test_it.py")
    assert done.returncode == 0, done.stdout
    assert "queueworker-0.1.0" in next(line for line in done.stdout.splitlines() if line.startswith("plugins: "))
