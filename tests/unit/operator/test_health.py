"""Alive and ready: the edges of both verdicts."""

import pytest

from queueworkerpool.health import Vitals

KINDS = ("pools", "deployments")


def vitals(*, loop: float = 1000, tried: float = 1000, heard: float | None = 1000) -> Vitals:
    """A process that was well at 1000 s; without `heard` nothing has been listed yet."""
    return Vitals(loop, dict.fromkeys(KINDS, tried), {} if heard is None else dict.fromkeys(KINDS, heard))


BOTH = "nothing was heard of pools for 90 s", "nothing was heard of deployments for 90 s"

ROWS: dict[str, tuple[Vitals, float, list[str], list[str]]] = {
    "well": (vitals(), 1000, [], []),
    "a loop that is late is alive": (vitals(), 1029.9, [], []),
    "a loop that is silent for 30 s is frozen": (
        vitals(),
        1030,
        ["the event loop is frozen for 30 s"],
        ["the event loop is frozen for 30 s"],
    ),
    "a watch without an answer is trusted for 90 s": (vitals(loop=1089, tried=1089), 1089.9, [], []),
    "a watch that heard nothing for 90 s is not": (vitals(loop=1089, tried=1089), 1090, [], [*BOTH]),
    "a watch that reconnects again and again is alive": (
        vitals(loop=1300, tried=1290),
        1300,
        [],
        ["nothing was heard of pools for 300 s", "nothing was heard of deployments for 300 s"],
    ),
    "a watch that neither heard nor tried for 40 s is dead": (
        vitals(loop=1039),
        1040,
        ["the watch of pools is dead for 40 s", "the watch of deployments is dead for 40 s"],
        ["the watch of pools is dead for 40 s", "the watch of deployments is dead for 40 s"],
    ),
    "a watch whose try is answered late is alive": (vitals(loop=1300, heard=1290), 1300, [], []),
    "a watch is not listed yet": (
        vitals(heard=None),
        1000,
        [],
        ["pools are not listed yet", "deployments are not listed yet"],
    ),
    "nothing was watched yet": (
        Vitals(1000),
        1000,
        [],
        ["pools are not listed yet", "deployments are not listed yet"],
    ),
    "a watch that never got a list is dead in the end": (
        vitals(loop=1040, heard=None),
        1040,
        ["the watch of pools is dead for 40 s", "the watch of deployments is dead for 40 s"],
        [
            "the watch of pools is dead for 40 s",
            "the watch of deployments is dead for 40 s",
            "pools are not listed yet",
            "deployments are not listed yet",
        ],
    ),
}


@pytest.mark.parametrize(("signs", "now", "trouble", "blindness"), ROWS.values(), ids=ROWS.keys())
def test_a_process(signs: Vitals, now: float, trouble: list[str], blindness: list[str]) -> None:
    assert signs.trouble(now) == trouble
    assert signs.blindness(now, KINDS) == blindness
