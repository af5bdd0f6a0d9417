"""The line on standard error: on a terminal, beyond two seconds, and gone when it is done."""

import io
import threading

import pytest

from queueplanner.commands import progress as module
from queueplanner.commands.progress import Progress, progress


class Terminal(io.StringIO):
    """A terminal that says when something was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        super().flush()
        self.written.set()


def test_it_is_shown_after_a_while_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN_AFTER_SECONDS", 0.001)
    terminal = Terminal()
    with progress(4, terminal) as shown:
        shown.done(1)
        assert terminal.written.wait(60)
    text = terminal.getvalue()
    assert " of 4 runs, 0 s" in text
    assert text.endswith("\r\x1b[K")


def test_what_is_quick_shows_nothing() -> None:
    terminal = Terminal()
    with progress(1, terminal):
        pass
    assert terminal.getvalue() == ""


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN_AFTER_SECONDS", 0.0)
    file = io.StringIO()
    with progress(1, file) as shown:
        shown.done(1)
    assert file.getvalue() == ""


def test_what_was_done_before_counts() -> None:
    shown = Progress(10, io.StringIO())
    shown.begin(4)
    shown.done(1)
    assert shown.line() == "[##########..........] 5 of 10 runs, 0 s"
