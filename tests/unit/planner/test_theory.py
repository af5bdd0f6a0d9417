"""The simulation against queueing theory, within the confidence that its own runs give."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueplanner import loads
from queueplanner.simulation import Run, System, simulate
from queueplanner.work import Constant, Draw, Exponential, Lognormal, Work
from tests.unit.planner.builders import Always

EXPONENTIAL = Exponential(1.0)
BATCHES = 20
STUDENT = 3.883
"""Of 19 degrees of freedom, two-sided: one batch mean in a thousand is farther away by chance."""


@dataclass(frozen=True)
class Station:
    """Servers and their load, by the letters of the books.

    Args:
        load: Messages per second, where one takes a second.
        servers: Slots, in pods of so much concurrency.
        service: How long a message takes; a second in the mean.
    """

    load: float
    servers: int = 1
    concurrency: int = 1
    service: Draw = EXPONENTIAL

    def waits(self, seconds: float) -> Sequence[float]:
        """Return how long each message waited, without those of the first tenth, while the queue fills."""
        arrivals = loads.Steady(self.load, seconds).times(Random(3))
        mine = System(Work(self.service, Constant(0.0), self.concurrency), seconds)
        made = simulate(Always(self.servers // self.concurrency), arrivals, mine, Random(5))
        waits = [begun - sent for sent, begun in zip(arrivals, made.begun, strict=True)]
        return waits[len(waits) // 10 :]


def erlang_c(load: float, servers: int) -> float:
    """Return the mean wait of M/M/c (Erlang, 1917), in service times."""
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    waiting = blocked / (1 - load / servers * (1 - blocked))
    return waiting / (servers - load)


def pollaczek_khinchine(load: float, spread: float) -> float:
    """Return the mean wait of M/G/1, in mean service times."""
    return load / (1 - load) * (1 + spread**2) / 2


STATIONS = {
    "M/M/1": (Station(0.7), erlang_c(0.7, 1)),
    "M/M/4": (Station(2.8, 4), erlang_c(2.8, 4)),
    "M/M/8 in pods of four": (Station(5.6, 8, 4), erlang_c(5.6, 8)),
    "M/D/1": (Station(0.8, service=Constant(1.0)), pollaczek_khinchine(0.8, 0.0)),
    "M/G/1 with a heavy tail": (Station(0.5, service=Lognormal(1.0, 1.5)), pollaczek_khinchine(0.5, 1.5)),
}


@pytest.mark.parametrize(("station", "expected"), STATIONS.values(), ids=STATIONS)
def test_messages_wait_as_theory_says(station: Station, expected: float) -> None:
    waits = station.waits(80_000 / station.load)
    size = len(waits) // BATCHES
    means = [mean(waits[size * batch : size * (batch + 1)]) for batch in range(BATCHES)]
    confidence = STUDENT * stdev(means) / math.sqrt(BATCHES)
    assert confidence < 0.25 * expected, "the run is too short to say anything"
    assert mean(means) == pytest.approx(expected, abs=confidence)


def test_the_formulas_agree_where_both_hold() -> None:
    assert erlang_c(0.7, 1) == pytest.approx(pollaczek_khinchine(0.7, 1.0))
    assert erlang_c(1.0, 2) == pytest.approx(1 / 3)


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(1, 3), st.floats(0.5, 8.0), st.integers(0, 1000))
def test_with_more_pods_no_message_begins_later(pods: int, concurrency: int, load: float, seed: int) -> None:
    """Message by message, where the same ones come and each takes as long as before (Kiefer and Wolfowitz, 1955)."""
    arrivals = loads.Steady(load, 100).times(Random(seed))
    mine = System(Work(Lognormal(2.0, 2.0), Constant(3.0), concurrency), 10_000.0)

    def made(count: int) -> Run:
        return simulate(Always(count), arrivals, mine, Random(seed))

    for fewer, more in zip(made(pods).begun, made(pods + 1).begun, strict=True):
        assert more <= fewer + 1e-9
