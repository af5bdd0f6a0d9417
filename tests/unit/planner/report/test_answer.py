"""The first sentence of a page says which policy to take, and at what price."""

from dataclasses import replace
from typing import Any

import pytest

from queueplanner.outcome import Outcome, Spread
from queueplanner.report.answer import answer
from queueplanner.results import Result
from tests.unit.planner.report.builders import played, run


def of(name: str, cost: float, p99: float, above: float | None = 0.0, **fields: Any) -> Outcome:
    wait = Spread(0, 0, p99, p99)
    of_all = {"policy": name, "messages": 100, "cost": cost, "wait": wait, "above_slo": above, **fields}
    return replace(played(run([], [])).outcome, **of_all)


MINE, THEIRS = of("mine", 6.0, 50), of("theirs", 8.0, 20)
LATE, LATER = of("late", 1.0, 90, 0.25), of("later", 0.5, 300, 0.5)
NOTHING = "No message was sent, so nothing waited:"
ANSWERS: dict[str, tuple[list[Outcome], float | None, str]] = {
    "the cheapest of those that keep the SLO": (
        [THEIRS, MINE, LATE],
        60,
        "mine keeps 99 % of the messages within 60 s at the lowest cost, 6.00: 25 % less than the next, theirs (8.00).",
    ),
    "the only one": ([LATE, MINE], 60, "mine alone keeps 99 % of the messages within 60 s, at a cost of 6.00."),
    "none": (
        [LATER, LATE],
        60,
        "No policy keeps 99 % of the messages within 60 s. late comes closest: 25.00 % wait longer, at 1.00.",
    ),
    "no SLO": (
        [MINE, THEIRS],
        None,
        "mine costs least: 6.00, and 99 % wait at most 50 s. With theirs they wait least, 20 s, at 8.00.",
    ),
    "the best in both": ([MINE, of("slow", 7, 80)], None, "mine costs least, 6.00, and 99 % wait at most 50 s."),
    "one that loses messages is no answer": (
        [of("loses", 1.0, 1, lost=3), of("leaves", 1.0, 1, unhandled=3), MINE],
        60,
        "mine alone keeps 99 % of the messages within 60 s, at a cost of 6.00.",
    ),
    "all of them lose messages": ([of("loses", 1.0, 1, lost=3)], None, "No policy handled its messages by the end."),
    "nothing was sent, to one": ([of("mine", 0.5, 0, messages=0)], 60, f"{NOTHING} mine costs 0.50."),
    "nothing was sent, to two": (
        [of("mine", 0.5, 0, messages=0), of("theirs", 0.4, 0, messages=0)],
        None,
        f"{NOTHING} theirs costs least, 0.40.",
    ),
    "no costs": (
        [of("mine", 0.0, 0), of("theirs", 0.0, 0)],
        60,
        "mine keeps 99 % of the messages within 60 s at the lowest cost, 0.00: 0 % less than the next, theirs (0.00).",
    ),
}


@pytest.mark.parametrize(("outcomes", "slo_seconds", "sentence"), ANSWERS.values(), ids=ANSWERS)
def test_it_answers(outcomes: list[Outcome], slo_seconds: float | None, sentence: str) -> None:
    assert answer([Result(each.policy, [each]) for each in outcomes], slo_seconds) == sentence


def test_it_answers_for_all_runs_together() -> None:
    results = [Result("mine", [of("mine", 4.0, 10), of("mine", 6.0, 30)]), Result("theirs", [of("theirs", 4.5, 40)])]
    expected = "theirs costs least: 4.50, and 99 % wait at most 40 s. With mine they wait least, 20 s, at 5.00."
    assert answer(results, None) == expected
