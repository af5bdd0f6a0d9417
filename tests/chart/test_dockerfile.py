"""What can be seen of the images without building them."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from images.check_base import complaint

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def stage(name: str) -> str:
    """The instructions of a build stage."""
    found = re.search(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def copied() -> set[str]:
    """The paths that the build takes from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {source.rstrip("/") for line in lines for source in line.split()[:-1]}


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert rules[1] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied()
    assert [path for path in copied() if not (ROOT / path).exists()] == []


PROJECTS = {"operator": (ROOT, "qwp"), "worker": (ROOT / "worker", "queueworker")}


@pytest.mark.parametrize("image", PROJECTS)
def test_an_image_runs_its_program_as_a_number_that_is_not_root(image: str) -> None:
    folder, program = PROJECTS[image]
    instructions = dict(re.findall(r"^(USER|ENTRYPOINT) (.+)$", stage(image), re.MULTILINE))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions["USER"])
    assert json.loads(instructions["ENTRYPOINT"]) == [program]
    assert program in tomllib.loads((folder / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("image", PROJECTS)
def test_an_image_gets_its_own_wheel_alone(image: str) -> None:
    folder, _ = PROJECTS[image]
    name = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"]
    assert re.findall(r"--find-links /wheels (\S+)", stage(f"{image}-venv")) == [name]
    assert re.findall(r"^COPY --from=(\S+)", stage(f"{image}-venv"), re.MULTILINE) == [f"{image}-wheel"]
    others = {"operator": ["worker"], "worker": ["operator", "crds"]}[image]
    assert [each for each in others if f"COPY {each}/" in stage("builder") + stage(f"{image}-wheel")] == []


def test_nothing_is_installed_without_its_hash_or_from_elsewhere() -> None:
    installs = re.findall(r"-m (pip [^&\n]*?(?:install|wheel) [^&\n]+)", DOCKERFILE)
    assert len(installs) == 7
    assert [line for line in installs if not line.startswith("pip --python /opt/venv ")] == []
    assert [line for line in installs if "--no-deps" not in line] == []
    safe = ("--require-hashes", "--no-index", "--no-build-isolation")
    assert [line for line in installs if not any(option in line for option in safe)] == []


IMAGES = ("operator", "worker")
LABELS = {
    "title",
    "description",
    "licenses",
    "version",
    "revision",
    "created",
    "source",
    "base.name",
    "base.digest",
}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is_and_was_made_of(image: str) -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\S+)="([^"]*)"', stage(image)))
    assert labels.keys() == LABELS
    arguments = {"${" + name + "}" for name in re.findall(r"^ARG (\w+)", stage(image), re.MULTILINE)}
    assert {value for value in labels.values() if value.startswith("$")} == arguments


@pytest.mark.parametrize("image", IMAGES)
def test_output_is_not_held_back_and_no_bytecode_is_written(image: str) -> None:
    assert set(re.findall(r"(PYTHON\w+)=1", stage(image))) == {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


@pytest.mark.parametrize("image", IMAGES)
def test_the_user_has_an_entry_so_that_its_group_is_not_roots(image: str) -> None:
    [user] = re.findall(r"^USER (\d+):(\d+)$", stage(image), re.MULTILINE)
    assert re.findall(r"echo '\w+:x:(\d+):(\d+):[^']*' >> /etc/passwd", stage("base")) == [user]
    assert re.findall(r"echo '\w+:x:(\d+):' >> /etc/group", stage("base")) == [user[1]]
    assert "COPY --from=base /etc/passwd /etc/group /etc/" in stage(image)


@pytest.mark.parametrize("image", IMAGES)
def test_bytecode_is_compiled_last_and_stays_valid_whatever_the_files_times_are(image: str) -> None:
    """A read-only container compiles at each start what has no valid bytecode."""
    assert re.findall(r"python3 (\S+ \S+)[^&]*", stage(f"{image}-venv"))[-1] == "-m compileall"
    assert re.findall(r"--invalidation-mode (\S+ \S+)\n", stage(f"{image}-venv")) == ["unchecked-hash /opt/venv/lib"]
    installs = re.findall(r"-m pip [^&\n]*? install ([^&\n]+)", stage(f"{image}-venv"))
    assert [line for line in installs if not line.startswith("--no-compile ")] == [], "by pip, it would go by the times"


@pytest.mark.parametrize("image", IMAGES)
def test_bytecode_of_pythons_own_library_is_written_as_root_and_before_the_user_is_set(image: str) -> None:
    [(modules, user)] = re.findall(
        r"^RUN PYTHONDONTWRITEBYTECODE= PYTHONHASHSEED=0 python3 -c \"import (.+)\"\nUSER (\d+)",
        stage(image),
        re.MULTILINE,
    )
    assert user != "0"
    assert [name for name in modules.split(", ") if find_spec(name) is None] == []


def test_the_build_calls_python_by_the_name_that_every_base_has() -> None:
    assert re.findall(r"(?:RUN|&&) +(python|pip)\b(?!3)", DOCKERFILE) == []


BASES: dict[str, tuple[str, tuple[int, int], bool, str | None]] = {
    "python:slim": ("cpython-311-x86_64-linux-gnu", (3, 11), True, None),
    "a newer Python for ARM": ("cpython-314-aarch64-linux-gnu", (3, 14), True, None),
    "Alpine": ("cpython-312-x86_64-linux-musl", (3, 12), True, "BASE has musl instead of glibc, as Alpine does"),
    "an old Python": ("cpython-39-x86_64-linux-gnu", (3, 9), True, "BASE has Python 3.9: take an image with glibc"),
    "no pip": ("cpython-311-x86_64-linux-gnu", (3, 11), False, "BASE has Python without pip: take an image"),
}


@pytest.mark.parametrize(("platform", "version", "has_pip", "sentence"), BASES.values(), ids=BASES)
def test_a_base_that_cannot_be_is_told_in_a_sentence(
    platform: str, version: tuple[int, int], has_pip: bool, sentence: str | None
) -> None:
    said = complaint(platform, version, has_pip=has_pip)
    assert str(said).startswith(str(sentence))


def test_the_check_of_the_base_accepts_this_python() -> None:
    assert subprocess.run([sys.executable, str(ROOT / "images" / "check_base.py")], check=True).returncode == 0


def test_every_stage_starts_from_the_base_image_that_the_builder_chose() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "base", "builder"}
