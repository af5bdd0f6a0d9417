"""What can be seen of the images without building them."""

import json
import re
import tomllib
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("image", "program"), [("operator", "qwp"), ("worker", "queueworker")])
def test_an_image_runs_its_program_as_a_number_that_is_not_root(image: str, program: str) -> None:
    instructions = dict(re.findall(r"^(USER|ENTRYPOINT) (.+)$", stage(image), re.MULTILINE))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions["USER"])
    assert json.loads(instructions["ENTRYPOINT"]) == [program]
    assert program in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def test_nothing_is_installed_without_its_hash_or_from_elsewhere() -> None:
    installs = re.findall(r"pip .*?(?:install|wheel) [^&\n]+", DOCKERFILE)
    assert len(installs) == 6
    assert [line for line in installs if "--no-deps" not in line] == []
    safe = ("--require-hashes", "--no-index", "--no-build-isolation")
    assert [line for line in installs if not any(option in line for option in safe)] == []


def test_every_stage_starts_from_the_base_image_that_the_builder_chose() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "base"}
