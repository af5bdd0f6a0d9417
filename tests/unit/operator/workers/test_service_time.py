"""The learned service time comes to the mean, whatever the messages take and whenever the workers are sampled."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.model import WorkerState
from queueworkerpool.sizing import Evidence, ServiceTime
from queueworkerpool.workers.sampler import Sampling, sampled
from queueworkerpool.workers.sums import Progress, has_finished, progress
from tests.unit.operator.builders import NOW

Draw = Callable[[random.Random], float]
ASKED = 5
"""Pods that a sample asks at most."""


@dataclass
class SimulatedWorker:
    """A worker with some slots; a message follows the other after a pause that is a share of what the last one took."""

    draw: Draw
    chance: random.Random
    slots: int
    pause: float
    ends: list[tuple[float, float]] = field(default_factory=list)  # begin and end of the message in each slot
    finished: int = 0
    spent: float = 0.0

    def __post_init__(self) -> None:
        self.ends = [(0.0, self.draw(self.chance)) for _ in range(self.slots)]

    def state(self, now: float) -> WorkerState:
        self.ends = [self._worked(message, now) for message in self.ends]
        ages = [now - begun for begun, _ in self.ends if begun < now]
        return WorkerState(len(ages), self.slots, self.finished, self.spent + sum(ages), max(ages, default=0.0))

    def _worked(self, message: tuple[float, float], now: float) -> tuple[float, float]:
        """Finish one slot's messages until now; return the one in hand, or the next one."""
        while message[1] <= now:
            begun, end = message
            self.finished, self.spent = self.finished + 1, self.spent + end - begun
            begun = end + self.pause * (end - begun)
            message = (begun, begun + self.draw(self.chance))
        return message


def lognormal(mean: float, sigma: float) -> Draw:
    middle = mean / 2.718281828459045 ** (sigma * sigma / 2)
    return lambda chance: middle * 2.718281828459045 ** (sigma * chance.gauss())


def bimodal(short: float, long: float, share: float) -> tuple[Draw, float]:
    return (lambda chance: long if chance.random() < share else short), short + share * (long - short)


means = st.floats(0.1, 600)
spreads = st.floats(1, 5)
mixes = st.one_of(
    means.map(lambda mean: (lambda _: mean, mean)),
    st.builds(lambda mean, sigma: (lognormal(mean, sigma), mean), means, st.floats(0.1, 0.8)),
    st.builds(lambda short, factor, share: bimodal(short, factor * short, share), means, spreads, st.floats(0.2, 0.8)),
)


@dataclass(frozen=True)
class Simulation:
    """Pods that work all the time, and how often they are sampled, in seconds."""

    mix: tuple[Draw, float]
    pods: int
    interval: float
    slots: int = 1
    pause: float = 0.0
    seed: int = 0

    def samples(self) -> Iterator[tuple[float, float | None]]:
        """Yield after each sample the messages finished, and the expected service time."""
        chance, (draw, mean) = random.Random(self.seed), self.mix
        asked = [f"uid-{n}" for n in range(min(self.pods, ASKED))]
        workers = {uid: SimulatedWorker(draw, chance, self.slots, self.pause) for uid in asked}
        sampling, now = Sampling("uid", ServiceTime()), 0.0
        slow = max(self.interval, mean * 5 / (self.slots * len(workers)))  # a few hundred samples are enough
        while True:
            now += slow if now > 50 * self.interval else self.interval * chance.uniform(0.5, 1.5)
            states = {uid: worker.state(now) for uid, worker in workers.items()}
            sample = sampled(sampling, states, set(asked), (), NOW)
            yield sum(worker.finished for worker in workers.values()), sample.service_seconds

    def after(self, messages: int) -> float | None:
        """Return the expected service time at the first sample at which so many messages have finished."""
        return next(seconds for finished, seconds in self.samples() if finished >= messages)


simulations = st.builds(
    Simulation,
    mixes,
    pods=st.integers(1, 50),
    interval=st.floats(1, 300),
    slots=st.integers(1, 8),
    pause=st.sampled_from((0.0, 0.3)),
    seed=st.integers(),
)


@given(simulations)
def test_it_comes_within_a_tenth_of_the_mean(simulation: Simulation) -> None:
    assert simulation.after(2000) == pytest.approx(simulation.mix[1], rel=0.1)


def heavy(chance: random.Random) -> tuple[Draw, float]:
    """A mix in which a few messages take most of the time."""
    mean = 10 ** chance.uniform(-1, 2)
    if chance.random() < 0.5:
        return lognormal(mean, chance.uniform(0.8, 1.3)), mean
    return bimodal(mean / 100, mean * 10, chance.uniform(0.05, 0.3))


def test_heavy_tails_are_borne_but_for_a_few() -> None:
    chance, missed = random.Random(7), 0
    for seed in range(100):
        simulation = Simulation(heavy(chance), chance.randint(1, 50), chance.uniform(1, 300), seed=seed)
        missed += simulation.after(3000) != pytest.approx(simulation.mix[1], rel=0.2)
    assert missed <= 1


@pytest.mark.parametrize(("seconds", "pods"), [(300, 1), (300, 2), (300, 5), (60, 1), (600, 50)])
def test_a_slow_queue_is_known_by_its_first_messages(seconds: float, pods: int) -> None:
    simulation = Simulation((lambda _: seconds, seconds), pods, interval=15)
    assert simulation.after(1) == pytest.approx(seconds, rel=0.1)


def test_a_long_message_counts_before_it_finishes() -> None:
    known = ServiceTime(15, 5)
    assert known.expected(None, ()) == 15
    assert known.expected(None, [Evidence(14, 1)]) == 15, "it says nothing yet"
    assert known.expected(None, [Evidence(75, 1)]) == 25
    assert known.expected(None, [Evidence(150, 2), Evidence(3, 1)]) == pytest.approx((75 + 150) / 7)
    assert ServiceTime().expected(None, [Evidence(75, 1)]) is None, "nothing is known: a slot each"
    assert ServiceTime().expected(15, [Evidence(75, 1)]) == 30


@pytest.mark.parametrize(("before", "now"), [(1, 60), (60, 1), (10, 40)])
def test_a_lasting_change_is_followed_although_many_messages_speak_against_it(before: float, now: float) -> None:
    known = ServiceTime(before, 1000)
    for _ in range(200):
        known = known.after(Evidence(now, 1))
    assert known.seconds == pytest.approx(now, rel=0.1)


def test_after_a_change_the_mean_before_is_known_until_a_thousand_messages_have_been_handled() -> None:
    known, replaced = ServiceTime(1, 1000), []
    for _ in range(1200):
        known = known.after(Evidence(6, 1))
        replaced.append(known.replaced)
    changed = replaced.index(1)
    assert set(replaced[:changed]) == {None}
    assert set(replaced[changed : changed + 880]) == {1}
    assert set(replaced[1100:]) == {None}


def test_a_rare_long_message_moves_it_little() -> None:
    known = ServiceTime(1, 1000)
    assert known.after(Evidence(100, 1)).seconds == pytest.approx(1.1, rel=0.01)


def state(finished: int, busy_seconds: float, busy: int = 0, oldest: float = 0.0) -> WorkerState:
    return WorkerState(busy, 4, finished, busy_seconds, oldest)


A = "uid-a"
CASES: dict[str, tuple[Mapping[str, WorkerState], WorkerState, bool, Progress]] = {
    "what was done since": ({A: state(10, 20)}, state(12, 25), True, Progress(Evidence(5, 2), (), {A: state(12, 25)})),
    "seconds in which nothing finished are kept": (
        {A: state(10, 20)},
        state(10, 35, busy=1),
        True,
        Progress(Evidence(), (Evidence(15, 1),), {A: state(10, 20)}),
    ),
    "an idle worker is no evidence": (
        {A: state(10, 20)},
        state(10, 20),
        True,
        Progress(Evidence(), (), {A: state(10, 20)}),
    ),
    "a worker that restarted counts from zero": (
        {A: state(100, 200)},
        state(3, 6),
        True,
        Progress(Evidence(6, 3), (), {A: state(3, 6)}),
    ),
    "a restart shows in either sum": (
        {A: state(3, 200)},
        state(3, 6),
        True,
        Progress(Evidence(6, 3), (), {A: state(3, 6)}),
    ),
    "the first words are averages since the start": (
        {},
        state(10, 20),
        False,
        Progress(Evidence(20, 10), (), {A: state(10, 20)}),
    ),
    "unless they may have been counted before a restart of ours, but for what is in hand": (
        {},
        state(10, 20, busy=1, oldest=4),
        True,
        Progress(Evidence(), (Evidence(4, 1),), {A: state(10, 16, busy=1, oldest=4)}),
    ),
    "a new worker counts from its start": (
        {},
        state(0, 9, busy=1, oldest=9),
        True,
        Progress(Evidence(), (Evidence(9, 1),), {A: WorkerState(0, 0, 0, 0.0)}),
    ),
}


@pytest.mark.parametrize(("counted", "reported", "resumed", "done"), CASES.values(), ids=CASES)
def test_progress(counted: Mapping[str, WorkerState], reported: WorkerState, resumed: bool, done: Progress) -> None:
    assert progress(counted, {A: reported}, resumed=resumed) == done


def test_only_a_worker_that_was_heard_before_is_known_to_have_finished_something() -> None:
    assert has_finished({A: state(10, 20)}, {A: state(11, 20)})
    assert has_finished({A: state(10, 20)}, {A: state(1, 2)}), "it restarted, and finished one"
    assert not has_finished({A: state(10, 20)}, {A: state(10, 30)})
    assert not has_finished({A: state(10, 20)}, {A: state(0, 0)})
    assert not has_finished({A: state(10, 20)}, {"uid-b": state(1000, 9000)})
