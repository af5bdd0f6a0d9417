"""The planner says how wrong it is about a pool's own past, and what nobody could check."""

import math
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from queueplanner.accuracy import Accuracy, Pair, accuracy, compared
from queueplanner.play import Candidate, Scenario
from queueplanner.recorded import Recorded, on_grid
from queueplanner.simulation import Move, Run, Sample, System, View, simulate
from queueplanner.sources.histograms import Histogram, parse_buckets
from queueplanner.sources.past import PoolPast, Workers, step_for
from tests.unit.planner.builders import Fixed, work

LOAD: Recorded = on_grid({minute * 60.0: 6 for minute in range(10)}, 60.0)
PAST = PoolPast(
    load=LOAD,
    step_seconds=60.0,
    asked={minute * 60.0: 3 for minute in range(10)},
    backlog={minute * 60.0: 2 for minute in range(10)},
    workers=Workers(None, None, None),
    waits=Histogram((1.0, 5.0), (90, 9, 1)),
    notes=("of start-up times only the mean is known",),
)


def replay(*sizes: tuple[float, int]) -> Run:
    times = [0.0, 100.0, 200.0]
    made = simulate(Fixed(*sizes), times, System(work(10.0), 600.0), Random(1))
    assert made.arrivals == times
    return made


ANOTHER = replay((0, 5), (480, 3))


def test_a_replay_as_it_was_is_right() -> None:
    found = accuracy(Candidate("as it was", lambda _: Fixed((0, 3))), PAST, Scenario(LOAD, work(1.0)))
    assert (found.samples, found.within_one, found.pod_hours) == (10, 1.0, Pair(0.5, 0.5))
    assert found.recorded_wait_p95 == (1.0, 5.0)


class AsFound:
    """As many pods as it finds."""

    name = "as found"

    def decide(self, view: View) -> Move:
        return Move(view.replicas, 60.0)


def test_a_replay_begins_with_the_pods_that_there_were() -> None:
    found = accuracy(Candidate("as found", lambda _: AsFound()), PAST, Scenario(LOAD, work(1.0)))
    assert (found.within_one, found.pod_hours) == (1.0, Pair(0.5, 0.5))


def test_each_message_of_a_sample_stands_for_many() -> None:
    whole = replay((0, 1))
    found = compared(replace(whole, sample=Sample(10, 30, 30)), ANOTHER, PAST, ())
    assert found.backlog.planned == pytest.approx(10 * (compared(whole, ANOTHER, PAST, ()).backlog.planned or 0))


def test_more_than_one_pod_beside_is_wrong() -> None:
    found = compared(replay((0, 4), (300, 5), (480, 0)), ANOTHER, PAST, ())
    assert found.by_chance == 0.8, "at 0 the other one has 3"
    assert found.within_one == 0.5, "at 4 it is within one of 3, at 5 and 0 it is not"
    assert found.pod_hours.planned == pytest.approx((5 * 4 + 3 * 5) / 60)
    assert found.backlog.recorded == 2.0
    assert found.backlog.planned == pytest.approx(1 / 10), "messages come at 0, 100 and 200 s, for 10 s each"


def test_what_nobody_knows_is_said_once() -> None:
    candidate = Candidate("pool", lambda _: Fixed((0, 3)), unchecked=("it never rolls out", "it never rolls out"))
    unchecked = accuracy(candidate, PAST, Scenario(LOAD, work(1.0))).unchecked
    assert unchecked[:2] == ("it never rolls out", "of start-up times only the mean is known")
    assert "when in a step of 60 s a message was sent is not known: it is drawn evenly" in unchecked
    assert len(unchecked) == len(set(unchecked))


FOUND = Accuracy(1440, 0.973, 0.981, Pair(12.0, 10.0), Pair(3.25, 3.0), 20.0, (10.0, 30.0), ("the weather",))
SENTENCES = {
    "all known": (
        FOUND,
        [
            "replicas: within ±1 of the recorded in 97.3% of 1,440 samples",
            "of two replays that differ by chance alone, in 98.1%: about the best that is possible",
            "pods asked for: 12.00 pod-hours planned, 10.00 recorded (+20.0%)",
            "messages in the queue, on average: 3.25 messages planned, 3.00 recorded (+8.3%)",
            "wait until begun: 95 % within 20.0 s planned, within the recorded 10 to 30 s",
        ],
    ),
    "nothing recorded": (
        replace(FOUND, backlog=Pair(None, None), pod_hours=Pair(1.0, 0.0), recorded_wait_p95=None, unchecked=()),
        [
            "replicas: within ±1 of the recorded in 97.3% of 1,440 samples",
            "of two replays that differ by chance alone, in 98.1%: about the best that is possible",
            "pods asked for: 1.00 pod-hours planned, 0.00 recorded",
            "messages in the queue, on average: not recorded",
            "wait until begun: not recorded: the workers are not scraped",
        ],
    ),
    "too long": (replace(FOUND, wait_p95=31.0), ["95 % within 31.0 s planned, longer than the recorded 10 to 30 s"]),
    "too short": (
        replace(FOUND, recorded_wait_p95=(60.0, math.inf)),
        ["95 % within 20.0 s planned, shorter than the recorded over 60 s"],
    ),
}


@pytest.mark.parametrize(("found", "lines"), SENTENCES.values(), ids=SENTENCES)
def test_people_read(found: Accuracy, lines: list[str]) -> None:
    said = found.sentences
    assert said == lines if len(lines) > 1 else lines[0] in said[-1]


def test_programs_read() -> None:
    assert FOUND.document() == {
        "samples": 1440,
        "replicasWithinOne": 0.973,
        "replicasWithinOneByChance": 0.981,
        "podHours": {"planned": 12.0, "recorded": 10.0},
        "backlog": {"planned": 3.25, "recorded": 3.0},
        "waitP95": {"planned": 20.0, "above": 10.0, "upTo": 30.0},
        "unchecked": ["the weather"],
    }
    assert replace(FOUND, recorded_wait_p95=(60.0, math.inf)).document()["waitP95"]["upTo"] is None


BUCKETS = [({"le": bound}, value) for bound, value in (("5.0", 9.0), ("+Inf", 12.0), ("1.0", 6.0))]


def test_a_histogram_is_made_of_series_that_count_up_to_a_bound() -> None:
    found = parse_buckets(BUCKETS, 36.0)
    assert found == Histogram((1.0, 5.0), (6.0, 3.0, 3.0), 36.0)
    assert found.draw.mean_seconds == pytest.approx(3.0)
    assert [found.quantile(share) for share in (0.5, 0.6, 0.9)] == [(0.0, 1.0), (1.0, 5.0), (5.0, math.inf)]


@pytest.mark.parametrize("series", [[], BUCKETS[:1], [({"le": "1.0"}, 0.0), ({"le": "+Inf"}, 0.0)], [({}, 1.0)]])
def test_what_counts_nothing_is_no_histogram(series: list[tuple[dict[str, str], float]]) -> None:
    assert parse_buckets(series) is None


STEPS = {timedelta(hours=1): 60, timedelta(days=7): 60, timedelta(days=8): 120, timedelta(days=60): 480}


@pytest.mark.parametrize(("since", "seconds"), STEPS.items())
def test_prometheus_is_asked_for_whole_minutes_and_no_more_values_than_it_gives(since: timedelta, seconds: int) -> None:
    assert step_for(since).total_seconds() == seconds
    assert since / step_for(since) < 11_000
