"""Commands of other distributions: found when they are called or listed, and missed with a sentence."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from queueworkerpool import extra_commands
from queueworkerpool.__main__ import main

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make a distribution whose entry point `simulate` names something."""

    def installed(reference: str) -> None:
        information = tmp_path / "another-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[queueworkerpool.commands]\nsimulate = {reference}\n")
        monkeypatch.setattr("sys.path", [str(tmp_path)])

    return installed


@click.command("simulate")
@click.option("--twice", is_flag=True)
def example(twice: bool) -> None:
    """An example."""
    click.echo("played twice" if twice else "played")


def test_a_command_of_another_distribution_is_called(install: Install) -> None:
    install(f"{__name__}:example")
    done = CliRunner().invoke(main, ["simulate", "--twice"])
    assert (done.exit_code, done.stdout) == (0, "played twice\n")


@pytest.mark.parametrize("reference", ["", "no_such_module:command"], ids=["not installed", "without its libraries"])
@pytest.mark.parametrize("given", [[], ["--help"], ["--shape", "steady", "-f", "pool.yaml"], ["much", "--else"]])
def test_without_its_extra_a_command_says_what_to_install(
    reference: str, given: list[str], install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    if reference:
        install(reference)
    done = CliRunner().invoke(main, ["simulate", *given])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        "Error: `qwp simulate` is not installed here, nor in the plugin of kubectl or in the operator's image: "
        "install `queueworkerpool[planner]` with pip where you call it"
    )


def test_the_help_names_them_whether_they_are_installed_or_not(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    [absent] = [line for line in CliRunner().invoke(main, ["--help"]).stdout.splitlines() if " simulate " in line]
    assert absent.split()[1:3] == ["Play", "a"]
    install(f"{__name__}:example")
    [present] = [line for line in CliRunner().invoke(main, ["--help"]).stdout.splitlines() if " simulate " in line]
    assert present.split() == ["simulate", "An", "example."]


@pytest.mark.parametrize("given", [["list", "--help"], ["explain", "--help"], ["--version"], ["no-such-command"]])
def test_other_commands_look_nothing_up(given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(extra_commands, "entry_points")
    assert isinstance(CliRunner().invoke(main, given).exception, SystemExit | None)
