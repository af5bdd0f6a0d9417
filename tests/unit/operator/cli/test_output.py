"""What a command prints may not be written, or not be read: it ends without a traceback, and with no verdict."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from queueworkerpool.__main__ import main

COMMANDS = {
    "the help": ("--help",),
    "the version": ("--version",),
    "the help of a command": ("validate", "--help"),
    "versions": ("version", "--client", "-o", "json"),
    "verdicts": ("validate", "-f", "pools.yaml"),
    "a command of another distribution": ("simulate", "--rivals"),
}
ON_STANDARD_ERROR = {
    "a verdict": ("import", "-f", "pools.yaml"),
    "wrong usage": ("validate", "-f", "none.yaml"),
}
LARGE = "---\n".join(f"kind: Pod\nmetadata: {{name: p{number}}}\n" for number in range(500))


@contextmanager
def full() -> Iterator[TextIO]:
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        yield stream


@contextmanager
def closed() -> Iterator[TextIO]:
    """Yield a pipe whose reader has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream


def ended(arguments: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as ends:
        main(arguments)
    assert isinstance(ends.value.code, int)
    return ends.value.code


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pools.yaml").write_text(LARGE)


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_full_disk_is_said_with_a_code_of_its_own(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with full() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert ended(arguments) == 74
    assert capsys.readouterr().err == "Error: what is printed cannot be written: No space left on device\n"


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_has_ended_is_nothing_to_complain_of(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closed() as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert ended(arguments) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("arguments", ON_STANDARD_ERROR.values(), ids=ON_STANDARD_ERROR)
def test_the_same_of_standard_error(arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with full() as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert ended(arguments) == 74
