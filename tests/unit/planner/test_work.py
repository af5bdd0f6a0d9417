"""Times are drawn as they were measured or described."""

import pickle
from collections import Counter
from random import Random
from statistics import fmean

import pytest

from queueplanner.work import Constant, Draw, Empirical, Exponential, Lognormal

HISTOGRAM = Empirical.of((0.1, 1.0, 10.0), (10, 60, 25, 5))

DRAWS: dict[str, Draw] = {
    "constant": Constant(2.0),
    "exponential": Exponential(3.0),
    "lognormal": Lognormal(3.0, 1.5),
    "measured": HISTOGRAM,
    "measured, with its mean": Empirical.of((0.1, 1.0, 10.0), (10, 60, 25, 5), mean_seconds=1.5),
    "all in one bucket": Empirical.of((1.0, 2.0), (0, 7, 0)),
    "all above the bounds": Empirical.of((1.0, 2.0), (0, 0, 7)),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_mean_is_that_of_what_is_drawn(draw: Draw) -> None:
    drawn, random = pickle.loads(pickle.dumps(draw)), Random(1)  # noqa: S301 -- our own
    assert fmean(drawn(random) for _ in range(40_000)) == pytest.approx(draw.mean_seconds, rel=0.03)


def test_each_bucket_has_its_share_and_the_last_an_end() -> None:
    random = Random(1)
    times = [HISTOGRAM(random) for _ in range(20_000)]
    shares = Counter(sum(time > bound for bound in (0.1, 1.0, 10.0)) for time in times)
    assert [shares[bucket] / len(times) for bucket in range(4)] == pytest.approx([0.10, 0.60, 0.25, 0.05], abs=0.01)
    assert 29 < max(times) <= 30


def test_a_mean_that_was_measured_is_kept() -> None:
    assert Empirical.of((0.1, 1.0, 10.0), (10, 60, 25, 5), mean_seconds=1.5).mean_seconds == pytest.approx(1.5)


WRONG = {
    "no last count": ((1.0, 2.0), (1, 1), "one count more"),
    "a bound of 0": ((0.0, 2.0), (1, 1, 1), "bounds above 0"),
    "no bounds": ((), (1,), "bounds above 0"),
    "bounds that do not grow": ((2.0, 2.0), (1, 1, 1), "must grow"),
    "nothing measured": ((1.0, 2.0), (0, 0, 0), "needs counts"),
    "less than nothing": ((1.0, 2.0), (3, -1, 0), "none of them below 0"),
}


@pytest.mark.parametrize(("bounds", "counts", "sentence"), WRONG.values(), ids=WRONG)
def test_a_histogram_that_is_none_is_refused(
    bounds: tuple[float, ...], counts: tuple[float, ...], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        Empirical.of(bounds, counts)
