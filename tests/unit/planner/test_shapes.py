"""Every shape of a load is what its sentence says, and says what is wrong with what people set."""

import math
import pickle
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from statistics import fmean, pvariance

import pytest

from queueplanner import loads
from queueplanner.loads import DAY_SECONDS, HOUR_SECONDS, SHAPES, ShapeError

EXPECTED = {
    "steady": ("per_second=2 seconds=1h", 7_200),
    "burst": ("messages=50 at=10m", 50),
    "ramp": ("from_per_second=4 to_per_second=0 seconds=1h", 7_200),
    "daily": ("mean_per_second=0.2", 17_280),
    "weekly": ("mean_per_second=0.02", 12_096),
    "sparse": ("every=1m messages=3", 4_320),
    "on-off": ("on=1m off=3m per_second=1 seconds=2d", 43_200),
    "self-similar": ("mean_per_second=0.2 hurst=0.6 seconds=2d", 34_560),
    "hourly-batch": ("messages=300 per_second=0.01", 8_064),
    "flash-crowd": ("per_second=0.1 peak=10 growth=60 decay=5m", 5_460),
    "retry-storm": ("per_second=1 sends=3", 22_800),
}
"""What is set, and how many messages are then expected."""


def test_every_shape_has_a_row() -> None:
    assert EXPECTED.keys() == SHAPES.keys()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_sends_as_many_messages_as_it_says_in_order_and_in_its_time(shape: str) -> None:
    pairs, messages = EXPECTED[shape]
    load = pickle.loads(pickle.dumps(SHAPES[shape].parse(pairs.split())))  # noqa: S301 -- our own
    times = load.times(Random(4))
    assert len(times) == pytest.approx(messages, rel=0.1)
    assert list(times) == sorted(times)
    assert times[0] >= 0
    assert times[-1] < load.seconds
    assert list(times) == list(load.times(Random(4))), "the same seed, the same times"


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shape_says_what_can_be_set_and_works_without(shape: loads.Shape) -> None:
    load = shape.parse(())
    assert shape.meaning.endswith(".")
    assert load.began is None, "it has no date, and says so"
    assert "seconds" in shape.parameters
    for name, parameter in shape.parameters.items():
        assert parameter.lowest <= parameter.default <= parameter.highest, name
        assert getattr(load, name) == parameter.default
    assert load.times(Random(1))


WRONG = {
    "twice": ("steady", "per_second=3,per_second=4", "steady: per_second is given twice: 3 and 4"),
    "no such parameter": ("steady", "speed=3", "steady has no parameter 'speed': it has per_second, seconds"),
    "no value": ("steady", "per_second", "steady: 'per_second' is no parameter with a value: write per_second=NUMBER"),
    "a word": ("steady", "per_second=many", "steady: per_second: 'many' is no number (messages per second)"),
    "a time that is none": ("steady", "seconds=1y", "steady: seconds: '1y' is no number (seconds, such as 90, 90s"),
    "a rate with a suffix of times": ("steady", "per_second=3h", "per_second: '3h' is no number (messages per"),
    "nothing": ("steady", "per_second=", "per_second: '' is no number"),
    "infinite": ("steady", "seconds=inf", "seconds: 'inf' is no number"),
    "less than nothing": ("steady", "per_second=-1", "steady: per_second: -1 is not 0 or more"),
    "a share of more than all": ("daily", "swing=2", "daily: swing: 2 is not from 0 to 1"),
    "half a message": ("burst", "messages=1.5", "burst: messages: 1.5 is no whole number"),
    "after the end": ("burst", "at=2h", "burst: at=7200 is after the load's end: give less, or more than seconds=3600"),
}


@pytest.mark.parametrize(("shape", "pair", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_set_wrongly_is_refused_with_its_name_and_the_fix(shape: str, pair: str, sentence: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        SHAPES[shape].parse(pair.split(","))
    assert sentence in str(refusal.value)


def test_a_parameter_may_be_written_with_hyphens_and_suffixes() -> None:
    assert SHAPES["steady"].parse(["per-second = 3", "seconds=1.5h"]) == loads.Steady(3.0, 5_400.0)


def _per(seconds: float, times: Sequence[float]) -> Counter[int]:
    return Counter(int(time // seconds) for time in times)


def test_a_day_is_busiest_at_noon() -> None:
    hours = _per(HOUR_SECONDS, loads.Daily(1.0, 1.0).times(Random(1)))
    assert hours[0] + hours[23] < 0.02 * (hours[11] + hours[12])
    assert hours[12] == pytest.approx(2 * HOUR_SECONDS, rel=0.05)


def test_a_week_begins_on_a_monday_and_ends_quietly() -> None:
    days = _per(DAY_SECONDS, loads.Weekly(0.2, weekend=0.1).times(Random(1)))
    assert fmean(days[day] for day in (5, 6)) == pytest.approx(0.1 * fmean(days[day] for day in range(5)), rel=0.1)


def test_a_batch_begins_in_each_hour_when_it_is_told() -> None:
    times = loads.HourlyBatch(10, after=600.0, within=60.0).times(Random(1))
    assert len(times) == 240
    assert all(600 <= time % HOUR_SECONDS < 660 for time in times)


def test_a_crowd_grows_and_leaves() -> None:
    minutes = _per(60.0, loads.FlashCrowd(0.0, 10.0, at=600.0, growth=120.0, decay=300.0).times(Random(1)))
    assert min(minutes) == 10
    assert minutes[12] == pytest.approx(600 * 0.9, rel=0.15)
    assert minutes[17] == pytest.approx(minutes[12] * 0.37, rel=0.2)


def test_a_storm_is_silent_and_then_sends_everything_again() -> None:
    storm = loads.RetryStorm(1.0, at=3_600.0, outage=600.0, sends=3, within=30.0)
    minutes = _per(60.0, storm.times(Random(1)))
    assert [minutes[60 + minute] for minute in range(10)] == [0] * 10
    assert sum(minutes[70 + minute] for minute in range(5)) == pytest.approx(600 * 3 + 300, rel=0.1)
    assert storm.notes[0].startswith("the senders send again whatever happens")


def test_phases_are_as_long_as_they_are_told() -> None:
    times = loads.OnOff(10.0, on=100.0, off=400.0, seconds=3 * DAY_SECONDS).times(Random(1))
    silences = [after - before for before, after in pairwise(times) if after - before > 5]
    assert fmean(silences) == pytest.approx(400, rel=0.15)


HURST = {"independent messages": (loads.Steady(2.0), 0.5), "self-similar": (loads.SelfSimilar(2.0, hurst=0.9), 0.9)}


@pytest.mark.parametrize(("load", "hurst"), HURST.values(), ids=HURST)
def test_a_self_similar_load_varies_over_long_times_as_its_exponent_says(load: loads.Load, hurst: float) -> None:
    """The variance of the means of steps m times as long is m^(2H - 2) of the variance of the short ones."""
    times = load.times(Random(2))
    short, factor = 60.0, 16
    ratio = _variance(times, short) / _variance(times, short * factor)
    assert 1 - math.log(ratio) / (2 * math.log(factor)) == pytest.approx(hurst, abs=0.1)


def _variance(times: Sequence[float], step: float) -> float:
    counts = _per(step, times)
    return pvariance([counts[number] / step for number in range(int(DAY_SECONDS // step))])
