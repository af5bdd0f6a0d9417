"""The aggregated mode comes to what the exact mode comes to, and refuses what it cannot calculate."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueplanner import aggregated
from queueplanner.aggregated import messages
from queueplanner.loads import Burst, Daily, Load, Ramp, Steady
from queueplanner.outcome import Terms, outcome
from queueplanner.play import Candidate, Scenario, play
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.recorded import parse_csv
from queueplanner.simulation import Mode, Policy, Primary, Run, System, simulate
from queueplanner.work import Constant, Deaths, Draw, Exponential, Failures, Lognormal, Work
from tests.unit.planner.builders import Fixed, pool, work


def run(policy: Policy, counts: list[int], work: Work, seconds: float = 100.0, seed: int = 1) -> Run:
    return aggregated.simulate(policy, counts, System(work, seconds), Random(seed))


def test_one_worker_handles_messages_one_after_the_other() -> None:
    made = run(Fixed((0, 1)), [2] + [0] * 9 + [1], work(2.0, startup=3.0))
    assert list(made.begun[:2]) == [3.0, 5.0]
    assert 10.0 <= made.begun[2] == made.arrivals[2] <= 11.0
    assert (made.pod_seconds, made.repeated, made.scale_writes) == (100.0, 0, 1)


CUT_OFF = {"a worker that releases": (True, 42.0), "a worker that is just gone": (False, 72.0)}


@pytest.mark.parametrize(("releases", "done"), CUT_OFF.values(), ids=CUT_OFF)
def test_what_is_cut_off_comes_again(releases: bool, done: float) -> None:
    policy = Fixed((0, 1), (2, 0), (3, 1))
    made = run(policy, [1], work(30.0, grace_seconds=10.0, visibility_seconds=30.0, releases=releases))
    assert list(made.done) == [pytest.approx(done, abs=1)]
    assert (made.repeated, outcome("", made).unhandled) == (1, 0)
    assert made.wasted_seconds == pytest.approx(12.0, abs=1)


def test_what_is_in_hand_at_the_end_is_not_handled() -> None:
    made = run(Fixed((0, 1)), [3], work(90.0))
    figures = outcome("", made)
    assert (figures.messages, figures.unhandled, made.seconds) == (3, 1, 200.0)


sent = st.lists(st.integers(0, 9), min_size=1, max_size=40)
sizes = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 6)), max_size=6).map(sorted)
services = st.sampled_from([Constant(0.1), Exponential(0.2), Exponential(3.0), Lognormal(10.0, 2.0)])
troubles = st.fixed_dictionaries(
    {
        "concurrency": st.integers(1, 3),
        "grace_seconds": st.floats(0.1, 20),
        "releases": st.booleans(),
        "failures": st.sampled_from([Failures(), Failures(0.3, 0.1, ((10, 20),), 3, 5.0), Failures(share=0.5)]),
        "deaths": st.sampled_from([Deaths(), Deaths(0.02, (15.0,), 2)]),
    }
)


@settings(max_examples=60)
@given(sent, sizes, services, troubles)
def test_every_message_is_somewhere(
    counts: list[int], changes: list[tuple[int, int]], service: Any, fields: dict[str, Any]
) -> None:
    policy = Fixed((0, 1), *changes, (90, 3))
    mine = Work(service, Constant(2.0), visibility_seconds=20.0, **fields)
    made = run(policy, counts, mine, seconds=500.0)
    figures = outcome("", made)
    done = sum(not math.isnan(done) for done in made.done)
    assert figures.messages == sum(counts) == done + figures.dead_lettered + figures.unhandled
    assert figures.unhandled == 0 or mine.deaths != Deaths() or service.mean_seconds > 1
    assert all(not sent > begun for sent, begun in zip(made.arrivals, made.begun, strict=True))
    assert all(not begun > done for begun, done in zip(made.begun, made.done, strict=True))
    assert made.receives >= done + made.failed
    assert made.pod_seconds >= made.wasted_seconds / mine.concurrency


def test_the_same_seed_gives_the_same_run() -> None:
    def made() -> Run:
        return run(pool(), [2] * 600, Work(Lognormal(1.0, 2.0), Constant(5.0)), 600.0)

    assert made() == made()


def test_a_run_keeps_a_sample_of_very_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(Fixed((0, 3)), [10] * 200, work(0.3), 200.0)
    monkeypatch.setattr(messages, "MOST_ROWS", 500)
    sampled = run(Fixed((0, 3)), [10] * 200, work(0.3), 200.0)
    assert (len(sampled.arrivals), sampled.sample) == (500, replace(whole.sample, every=4))  # type: ignore[type-var]
    assert sampled.begun == whole.begun[::4]
    assert outcome("", sampled, Terms(slo_seconds=5)).messages == 2_000


REFUSED = {
    "a primary server": System(work(), 100.0, primary=Primary()),
    "a time to delete": System(work(deletion_seconds=0.5), 100.0),
}


@pytest.mark.parametrize("system", REFUSED.values(), ids=REFUSED)
def test_what_it_cannot_calculate_is_refused_with_a_sentence(system: System) -> None:
    with pytest.raises(aggregated.AggregatedError, match="only the exact mode can calculate"):
        aggregated.simulate(Fixed((0, 1)), [1], system, Random(1))


HOUR = 3_600.0


def bursts(messages: int) -> Load:
    rows = [f"{time},{messages if time % 1_200 == 60 else 0}" for time in range(0, int(HOUR), 60)]
    return parse_csv("\n".join(["time,messages", *rows]))


def day(per_second: float) -> Load:
    """Return a day in one hour: hardly anything at its start and end, and most in its middle."""
    swing = [1 - 0.9 * math.cos(math.tau * time / HOUR) for time in range(0, int(HOUR), 60)]
    rows = [f"{60 * row},{round(60 * per_second * share)}" for row, share in enumerate(swing)]
    return parse_csv("\n".join(["time,messages", *rows]))


def by_latency(concurrency: int = 1, **spec: Any) -> Policy:
    return pool(concurrency, target={"latencySeconds": 60}, maxReplicas=300, **spec)


def by_messages(each: int = 5, concurrency: int = 1) -> Policy:
    return pool(concurrency, target={"messagesPerPod": each}, maxReplicas=300)


def keda() -> Policy:
    return Keda("keda", ScaledObject(queue_length=5, max_replicas=300))


BRIEF, SHORT, USUAL, LONG = Constant(0.1), Lognormal(4.5, 1.0), Constant(10.0), Constant(300.0)


def of(service: Draw, **fields: Any) -> Work:
    return Work(service, Constant(20.0), **fields)


TROUBLES: dict[str, Any] = {
    "failures": Failures(0.05, 0.001, ((1_500, 1_600),), 5, 5.0),
    "deaths": Deaths(2.0, (2_000.0,), 5),
}
STAYS: dict[str, Any] = {"scaleToZeroAfterSeconds": 60}
SAME: dict[str, tuple[Callable[[], Policy], Load, Work]] = {
    "pool by latency, steady, brief": (by_latency, Steady(10.0, HOUR / 2), of(BRIEF)),
    "pool by latency, steady, long": (by_latency, Steady(0.1, HOUR), of(LONG)),
    "pool by latency, day, ten at a time": (partial(by_latency, 10, **STAYS), day(2.0), of(SHORT, concurrency=10)),
    "pool by messages, day": (by_messages, day(2.0), of(SHORT)),
    "pool by messages, steady": (by_messages, Steady(5.0, HOUR / 2), of(Exponential(0.5))),
    "pool by messages, ramp, brief": (by_messages, Ramp(0.0, 10.0, HOUR), of(BRIEF)),
    "pool by messages, bursts, brief": (partial(by_messages, 50), bursts(6_000), of(BRIEF)),
    "pool by messages, bursts, long": (by_messages, bursts(100), of(LONG)),
    "pool by messages, last polls": (by_messages, day(0.5), of(SHORT, longest_poll_seconds=20.0)),
    "last polls that messages end": (
        partial(Fixed, *((60 * n + each, size) for n in range(60) for each, size in ((0, 10), (40, 3)))),
        Steady(1.0, HOUR),
        Work(BRIEF, Constant(2.0), longest_poll_seconds=20.0),
    ),
    "KEDA, bursts": (keda, bursts(500), of(USUAL)),
    "ten workers (M/M/10)": (partial(Fixed, (0, 10)), Steady(8.0, HOUR / 4), of(Exponential(1.0))),
}
"""What both modes calculate: of these, chance alone changes less than the tolerance."""
ON_AVERAGE: dict[str, tuple[Callable[[], Policy], Load, Work]] = {
    "KEDA, day": (keda, day(2.0), of(SHORT)),
    "pool by latency, day": (partial(by_latency, **STAYS), day(2.0), of(SHORT)),
    "pool by latency, day, with a learned stay": (by_latency, day(2.0), of(SHORT)),
    "pool by messages, troubles": (by_messages, day(1.0), of(SHORT, **TROUBLES)),
}
"""Here chance changes more: which busy pods go, how long the last one stays, which attempts fail, who dies."""
RUNS = 40
"""Pools that start for few messages differ in their mean wait by 8 % from run to run, and so by 1 % on average."""


def averages(run: Run) -> dict[str, float]:
    pairs = zip(run.arrivals, run.begun, strict=True)
    waits = sorted(begun - sent for sent, begun in pairs if not math.isnan(begun))
    return {"pod-seconds": run.pod_seconds, "mean wait": mean(waits), "p95 wait": waits[int(0.95 * len(waits))]}


def both(policy: Callable[[], Policy], load: Load, work: Work, seed: int) -> tuple[Run, Run]:
    """Play the aggregated mode, then the exact mode with what the first one drew: when messages are sent."""
    system = System(work, load.seconds)
    grouped = aggregated.simulate(policy(), aggregated.counts(load, Random(seed)), system, Random(seed))
    return grouped, simulate(policy(), grouped.arrivals, system, Random(seed))


@pytest.mark.parametrize(("policy", "load", "work"), SAME.values(), ids=SAME)
def test_both_modes_come_to_the_same(policy: Callable[[], Policy], load: Load, work: Work) -> None:
    grouped, exact = (averages(run) for run in both(policy, load, work, seed=1))
    assert grouped == {name: pytest.approx(figure, rel=0.02) for name, figure in exact.items()}


@pytest.mark.parametrize(("policy", "load", "work"), ON_AVERAGE.values(), ids=ON_AVERAGE)
def test_both_modes_come_to_the_same_on_average(policy: Callable[[], Policy], load: Load, work: Work) -> None:
    runs = [[averages(run) for run in both(policy, load, work, seed)] for seed in range(RUNS)]
    for name in ("pod-seconds", "mean wait"):
        grouped, exact = (mean(run[name] for run in each) for each in zip(*runs, strict=True))
        assert grouped == pytest.approx(exact, rel=0.02), name


def test_a_pod_makes_one_receive_at_a_time() -> None:
    ten_at_a_time = of(SHORT, concurrency=10, longest_poll_seconds=20.0)
    grouped, exact = both(partial(Fixed, (0, 5), (2_000, 2)), day(1.0), ten_at_a_time, seed=1)
    assert grouped.empty_receives == pytest.approx(exact.empty_receives, rel=0.05)


def one_pod(_: Work) -> Policy:
    return Fixed((0, 1))


CANDIDATE = Candidate("one pod", one_pod)
MODES = {
    "few messages": (Scenario(Steady(2.0, 100), work(0.1)), Mode.EXACT),
    "few messages, if the scenario says so": (
        Scenario(Steady(2.0, 100), work(0.1), mode=Mode.AGGREGATED),
        Mode.AGGREGATED,
    ),
    "very many": (Scenario(Steady(50.0, 100), work(0.01)), Mode.AGGREGATED),
}


@pytest.mark.parametrize(("scenario", "mode"), MODES.values(), ids=MODES)
def test_an_outcome_says_how_it_was_calculated(scenario: Scenario, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueplanner.play.MOST_EXACT", 1_000)
    figures = play(CANDIDATE, scenario).outcome
    assert figures.mode is mode
    assert figures.messages == pytest.approx(scenario.load.seconds * scenario.load.rate(0), rel=0.2)  # type: ignore[attr-defined]
    assert figures.unhandled == 0


RECORDED = parse_csv("time,messages\n0,7\n90.5,0\n181,100000")
COUNTED = {
    "a rate that changes": (Daily(5.0, 1.0, 1_000.5), 1_001),
    "a recording whose rows are no whole seconds": (RECORDED, 272),
    "moments": (Burst(500, 7.0, 60.0), 60),
}


@pytest.mark.parametrize(("load", "steps"), COUNTED.values(), ids=COUNTED)
def test_a_load_is_counted_by_seconds(load: Load, steps: int) -> None:
    found = aggregated.counts(load, Random(1))
    assert len(found) == steps
    assert sum(found) == pytest.approx(len(load.times(Random(2))), abs=30)
    assert aggregated.expected(load, lambda: Random(1)) == pytest.approx(sum(found), abs=30)


def test_a_recording_keeps_its_counts() -> None:
    found = aggregated.counts(RECORDED, Random(1))
    assert (sum(found[:91]), sum(found[91:181]), sum(found[181:])) == (7, 0, 100_000)
