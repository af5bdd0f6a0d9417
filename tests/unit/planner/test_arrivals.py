"""What was sent is inferred from counts and deletes, and never where one of them is not known."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueplanner.sources.arrivals import inferred, never_falling

N = None
ROWS: dict[str, tuple[list[float | None], list[float | None], list[int | None]]] = {
    "what came and what went": ([5, 7, 4], [0, 3, 5], [N, 5, 2]),
    "nothing": ([0, 0, 0], [0, 0, 0], [N, 0, 0]),
    "what was deleted before does not count": ([5, 6], [99, 1], [N, 2]),
    "counts that fall for a while are wrong: the nearest course is level": ([10, 8, 8, 12], [0, 0, 0, 0], [N, 0, 0, 4]),
    "an old count counts nothing twice": ([0, 20, 20, 0, 0], [0, 0, 20, 0, 0], [N, 20, 0, 0, 0]),
    "halves add up": ([0, 0, 0], [0, 0.5, 0.5], [N, 0, 1]),
    "a gap in the counts": ([1, 2, N, 9, 11], [0, 0, 0, 0, 1], [N, 1, N, N, 3]),
    "a gap in the deletes": ([1, 2, 5, 6], [0, 0, N, 2], [N, 1, N, 3]),
    "nothing known": ([N, N], [N, N], [N, N]),
    "no steps": ([], [], []),
}


@pytest.mark.parametrize(("totals", "deleted", "sent"), ROWS.values(), ids=ROWS)
def test_what_was_sent_is_inferred(
    totals: list[float | None], deleted: list[float | None], sent: list[int | None]
) -> None:
    assert inferred(totals, deleted) == sent


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(0, 1000))
def test_of_exact_counts_every_message_is_found(sent: list[int], seed: int) -> None:
    random, total = Random(seed), 20
    totals: list[float | None] = [20.0]
    deleted: list[float | None] = [0.0]
    for messages in sent:
        gone = random.randint(0, total + messages)
        total += messages - gone
        totals.append(total)
        deleted.append(gone)
    assert inferred(totals, deleted) == [None, *sent]


@given(st.lists(st.integers(-9, 9), max_size=5))
def test_no_course_that_never_falls_is_closer(values: list[int]) -> None:
    found, courses = never_falling(values), list(combinations_with_replacement(sorted(values), len(values)))
    assert tuple(found) in courses
    assert _distance(values, found) == min(_distance(values, course) for course in courses)


def _distance(values: Sequence[float], course: Sequence[float]) -> float:
    return sum(abs(value - point) for value, point in zip(values, course, strict=True))
