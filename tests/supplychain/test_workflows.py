"""The workflows of the project's host, which run there alone: what can be said of them here."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from devcluster import UnavailableError, tools

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


@pytest.fixture(scope="module")
def actionlint(unavailable: Callable[[str], NoReturn]) -> Callable[[str], str]:
    """Call with a workflow's text for what is wrong with it. Linters of other languages are off."""
    try:
        program = tools.actionlint()
    except UnavailableError as error:
        unavailable(str(error))

    def complaints(text: str) -> str:
        argv = [str(program), "-shellcheck=", "-pyflakes=", "-no-color", "-"]
        return subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False).stdout

    return complaints


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid(workflow: Path, actionlint: Callable[[str], str]) -> None:
    assert actionlint(workflow.read_text()) == ""


def test_a_mistake_would_be_found(actionlint: Callable[[str], str]) -> None:
    release = next(path for path in WORKFLOWS if path.name == "release.yml").read_text()
    assert 'property "imgae" is not defined' in actionlint(release.replace("outputs.image }}", "outputs.imgae }}"))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_their_commits(workflow: Path) -> None:
    used = re.findall(r"uses: (.+)", workflow.read_text())
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_where_nothing_else_is_said(workflow: Path) -> None:
    text = workflow.read_text()
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in text, "it would run strangers' code with rights"
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_others_may_name_is_no_part_of_a_script(workflow: Path) -> None:
    """An expression in a script is text of the script: a branch's name could be a command."""
    steps = [step for job in yaml.safe_load(workflow.read_text())["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


def test_only_what_publishes_the_release_and_the_site_has_rights() -> None:
    granted = {
        (path.stem, name): job["permissions"]
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
        if "permissions" in job
    }
    assert granted.keys() == {("release", "publish"), ("pages", "deploy")}
    assert granted["pages", "deploy"] == {"pages": "write", "id-token": "write"}
