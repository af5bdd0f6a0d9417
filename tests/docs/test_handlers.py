"""The handlers that a page shows get the bodies that it shows, and say of others what it says."""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from docs.markdown import Block, blocks
from queueworker.testing import consume

PAGE = Path(__file__).parents[2] / "docs" / "handlers.md"
MARK = "test: body"


@dataclass(frozen=True)
class Example:
    """A handler, and the blocks that follow it up to the next one, by their comments."""

    handler: Block
    following: dict[str, str]

    @property
    def envelopes(self) -> tuple[str, ...]:
        return tuple(self.handler.comment.split("--envelope ")[1:])


def examples() -> list[Example]:
    found: list[Example] = []
    for block in blocks(PAGE.read_text()):
        if block.comment.startswith(MARK):
            found.append(Example(block, {}))
        elif block.comment in {"test: fits", "test: does not fit", "test: sentence"}:
            found[-1].following[block.comment] = block.text
    return found


@pytest.fixture(params=examples(), ids=lambda example: f"line {example.handler.line}")
def example(request: pytest.FixtureRequest) -> Example:
    found: Example = request.param
    return found


@pytest.fixture
def calls() -> list[tuple[Any, ...]]:
    return []


@pytest.fixture
def module(example: Example, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as a module, with the functions that it calls and does not have."""
    found = ModuleType("module_of_a_page")
    monkeypatch.setitem(sys.modules, found.__name__, found)
    for name in ("charge", "make_thumbnail"):
        setattr(found, name, lambda *given: calls.append(given))
    exec(compile(example.handler.text, str(PAGE), "exec"), vars(found))  # noqa: S102 -- the page's own code
    return found


def test_a_handler_gets_the_body_that_the_page_shows(
    example: Example, module: ModuleType, calls: list[tuple[Any, ...]]
) -> None:
    result = consume(module.handle, [example.following["test: fits"]], envelope=example.envelopes)
    assert [attempt.reason for attempt in result.attempts] == [""]
    assert len(calls) == 1


def test_a_body_that_does_not_fit_is_rejected_with_the_sentence_of_the_page(
    example: Example, module: ModuleType, calls: list[tuple[Any, ...]]
) -> None:
    if unfit := example.following.get("test: does not fit"):
        result = consume(module.handle, [unfit], dead_letter_queue=True)
        assert [attempt.reason for attempt in result.attempts] == [example.following["test: sentence"]]
        assert not calls
