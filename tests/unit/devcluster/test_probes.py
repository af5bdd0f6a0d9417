"""A probe believes its container after the right number of equal answers, and asks at its own pace."""

import asyncio
from collections.abc import Iterator

import pytest

from devcluster.node.probes import Prober, Tally, Timing


def now() -> float:
    """Return the fake loop's time, in seconds since the test began."""
    return asyncio.get_running_loop().time()


CALM = Timing(initial_delay=0, period=10, timeout=1, success=1, failure=3)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        pytest.param("", None, id="no answer proves nothing"),
        pytest.param("+", True, id="one good answer is enough"),
        pytest.param("--", None, id="two bad answers prove nothing yet"),
        pytest.param("---", False, id="three bad answers are proof"),
        pytest.param("--+--", None, id="a good answer restarts the count"),
        pytest.param("-----", False, id="bad answers go on being bad"),
        pytest.param("---+", True, id="good again after bad"),
    ],
)
def test_equal_answers_in_a_row_are_proof(answers: str, verdict: bool | None) -> None:
    tally = Tally()
    for answer in answers:
        tally = tally.counted(good=answer == "+")
    assert tally.verdict(CALM) is verdict


def test_a_success_threshold_asks_for_more_than_one_good_answer() -> None:
    timing = Timing(0, 10, 1, success=2, failure=1)
    first = Tally().counted(good=True)
    assert first.verdict(timing) is None
    assert first.counted(good=True).verdict(timing) is True


def test_missing_fields_have_the_defaults_of_kubernetes() -> None:
    assert Timing.parse({}) == CALM


@pytest.mark.looptime
async def test_the_third_bad_answer_comes_two_periods_after_the_first() -> None:
    asked = _answers([False, False, False])
    timing = Timing(initial_delay=5, period=10, timeout=1, success=1, failure=3)
    assert await Prober(timing, asked).verdict() is False
    assert now() == 25


@pytest.mark.looptime
async def test_the_next_verdict_comes_a_period_later() -> None:
    prober = Prober(CALM, _answers([True, True]))
    assert await prober.verdict()
    assert now() == 0
    assert await prober.verdict()
    assert now() == 10


@pytest.mark.looptime
async def test_a_late_answer_is_a_bad_one_and_costs_no_period() -> None:
    async def never() -> bool:
        await asyncio.Event().wait()
        return True

    assert await Prober(Timing(0, 10, 2, 1, failure=2), never).verdict() is False
    assert now() == 12


class _answers:  # noqa: N801 - stands for a function
    def __init__(self, answers: list[bool]) -> None:
        self._answers: Iterator[bool] = iter(answers)

    async def __call__(self) -> bool:
        return next(self._answers)
