"""What is drawn of a run has few numbers, and hides no peak."""

from array import array
from dataclasses import replace
from math import nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueplanner.report.series import Series, series, tail, width
from queueplanner.simulation import Run, Sample
from tests.unit.planner.report.builders import NEVER, played, run


def drawn(run: Run, width: float) -> Series:
    [made] = series([played(run)], width)
    return made


def test_a_message_waits_from_when_it_is_sent_until_it_is_begun() -> None:
    made = drawn(run([1, 2, 2, 9], [3, 5, NEVER, 9], seconds=10), 1)
    assert made.waiting == [0, 1, 3, 2, 2, 1, 1, 1, 1, 1]


def test_a_message_of_a_sample_stands_for_as_many_as_it_is_one_of() -> None:
    made = drawn(replace(run([1, 2], [3, 4], seconds=5), sample=Sample(every=100, messages=200, handled=200)), 1)
    assert made.waiting == [0, 100, 200, 100, 0]


def test_a_message_that_is_begun_when_it_is_sent_never_waits() -> None:
    assert set(drawn(run([1, 2, 3], [1, 2, 3], seconds=10), 2).waiting) == {0}


def test_a_burst_that_is_gone_within_an_interval_is_seen() -> None:
    assert drawn(run([5.0] * 1000, [5.5] * 1000, seconds=100), 50).waiting == [1000, 0]


def test_pods_are_shown_on_average_and_at_their_fewest_and_most() -> None:
    made = drawn(run([], [], sizes=[(0, 4, 0), (10, 4, 1), (15, 4, 4), (45, 2, 4), (60, 0, 0)], seconds=60), 20)
    assert made.asked == [4, 4, 2.5]
    assert made.ready == [(1 * 5 + 4 * 5) / 20, 4, 4]
    assert (made.least_ready, made.most_ready) == ([0, 4, 4], [4, 4, 4]), "an end belongs to what comes then"


def test_the_last_interval_ends_with_the_run() -> None:
    made = drawn(run([7.0], [8.0], sizes=[(0, 1, 1), (6, 3, 3)], seconds=8), 5)
    assert made.ready == [1, (1 + 3 + 3) / 3]


def test_the_longest_wait_of_each_interval_is_shown_and_none_where_nothing_was_sent() -> None:
    made = drawn(run([0.0, 0.5, 2.5, 3.0], [1, 4.5, 2.5, NEVER], seconds=5), 1)
    assert made.wait == pytest.approx([4, nan, 0, 2, nan], nan_ok=True), "what was never begun waits until the end"


def test_nothing_sent_and_nothing_sized_is_drawn_too() -> None:
    made = drawn(run([], [], sizes=[], seconds=2), 1)
    assert drawn(run([], [], sizes=[], seconds=0), 1).ready == []
    assert (made.waiting, made.ready) == ([0, 0], [0, 0])
    assert made.wait == pytest.approx([nan, nan], nan_ok=True)


WIDTHS = {
    "a short one": (100, 1),
    "a day": (86_400, 600),
    "a fortnight": (14 * 86_400, 14_400),
    "years": (1e8, 691_200),
}


@pytest.mark.parametrize(("seconds", "wide"), WIDTHS.values(), ids=WIDTHS)
def test_intervals_begin_at_full_minutes_and_hours(seconds: float, wide: float) -> None:
    assert width([played(run([], [], seconds=1)), played(run([], [], seconds=seconds))], 150) == wide


def test_the_tail_says_how_many_waited_longer() -> None:
    made = tail(run([0] * 4, [0, 1, 10, NEVER]))
    assert (made.seconds[0], made.seconds[-1]) == pytest.approx((0.1, 10))
    assert (made.shares[0], made.shares[-1]) == (0.75, 0.25), "one of four was never begun"


def test_the_tail_of_nothing_is_all() -> None:
    assert set(tail(run([], [])).shares) == {1.0}


@given(st.integers(0, 2**32), st.integers(0, 200), st.sampled_from([1, 7, 50, 200]))
def test_wider_intervals_keep_peaks_and_means(seed: int, messages: int, wide: int) -> None:
    random = Random(seed)
    arrivals = sorted(random.uniform(0, 199) for _ in range(messages))
    begun = [min(sent + random.expovariate(0.2), 199) for sent in arrivals]
    sizes = [(random.uniform(at, at + 1), random.randrange(9), random.randrange(9)) for at in range(0, 199, 3)]
    made = run(arrivals, begun, sizes=sizes, seconds=200)
    fine, coarse = drawn(made, 1), drawn(made, wide)
    parts = [slice(start, start + wide) for start in range(0, 200, wide)]
    assert coarse.waiting == [max(fine.waiting[part]) for part in parts]
    assert coarse.least_ready == [min(fine.least_ready[part]) for part in parts]
    assert coarse.ready == pytest.approx([sum(fine.ready[part]) / len(fine.ready[part]) for part in parts])


def test_many_messages_are_as_few_numbers_as_one() -> None:
    random = Random(1)
    arrivals = array("d", sorted(random.random() * 86_400 for _ in range(200_000)))
    made = drawn(run(arrivals, array("d", (sent + 60 for sent in arrivals)), seconds=86_400), 600)
    assert len(made.waiting) == len(made.ready) == len(made.wait) == 144
