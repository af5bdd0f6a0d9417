"""What a command prints may not be written, or not be read: it ends without a traceback, and with no verdict."""

import sys
from pathlib import Path
from typing import Any

import click
import pytest

from queueworker.commands.group import main as queueworker
from queueworkerpool.__main__ import main as qwp
from tests.outputs import closed, full

COMMANDS = {
    "the help": (qwp, "--help"),
    "the version": (qwp, "--version"),
    "the help of a command": (qwp, "validate", "--help"),
    "versions": (qwp, "version", "--client", "-o", "json"),
    "verdicts": (qwp, "validate", "-f", "pools.yaml"),
    "a command of another distribution": (qwp, "simulate", "--rivals"),
    "the worker's help": (queueworker, "--help"),
    "the worker's version": (queueworker, "--version"),
    "the help of the worker itself": (queueworker, "run", "--help"),
    "the help of a tool beside the worker": (queueworker, "redrive", "--help"),
}
ON_STANDARD_ERROR = {
    "a verdict": (qwp, "import", "-f", "pools.yaml"),
    "wrong usage": (qwp, "validate", "-f", "none.yaml"),
    "wrong usage of the worker": (queueworker, "rdrive"),
}
LARGE = "---\n".join(f"kind: Pod\nmetadata: {{name: p{number}}}\n" for number in range(500))


def ended(program: click.Command, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ends:
        program(arguments)
    assert isinstance(ends.value.code, int)
    return ends.value.code


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pools.yaml").write_text(LARGE)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_full_disk_is_said_with_a_code_of_its_own(
    command: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with full() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert ended(*command) == 74
    assert capsys.readouterr().err == "Error: what is printed cannot be written: No space left on device\n"


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_has_ended_is_nothing_to_complain_of(
    command: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closed() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert ended(*command) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ON_STANDARD_ERROR.values(), ids=ON_STANDARD_ERROR)
def test_the_same_of_standard_error(command: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    with full() as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert ended(*command) == 74
