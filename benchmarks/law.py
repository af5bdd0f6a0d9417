"""Law: what a pool costs that promises a latency, over what a scaler costs that knows the load in advance.

Simulated by the planner, which plays the operator's own decisions and models of its rivals; `law_loads` has the loads,
`law_policies` what is compared. Waits are from sent to begun. A run plays one policy on one load with one seed, so that
all policies have the same messages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product

from benchmarks.bench import Bench
from benchmarks.law_figures import Found, Judgement, OnLoad, Summary, summary
from benchmarks.law_loads import LawLoad, law_loads
from benchmarks.law_policies import MOST_PODS, OURS, POOL, PROMISE_SECONDS, policies
from benchmarks.result import Figure, Result
from queueplanner.clairvoyant import Terms, bound, least_pod_seconds
from queueplanner.play import Drawn, Played, Scenario, play

MAIN = (20.0, 10.0)
"""Start-up time and age of readings, in seconds, for which the limits hold."""
LIMITS = {"mean": 1.12, "summed": 1.06, "worst": 2.1}
LATE_SHARE = 0.01
"""Of a p99."""
MOST_BEATEN = 2
"""Loads on which a rival may be better in both, cost and wait."""


def measure(*, seeds: int, startups: Sequence[float], ages: Sequence[float]) -> Result:
    """Play all loads for each start-up time and age of readings."""
    figures: list[Figure] = []
    details: dict[str, object] = {}
    for startup, age in product(startups, ages):
        found = played(list(law_loads()), seeds, startup, age)
        summaries = {name: summary(found, name, POOL, PROMISE_SECONDS) for name in found}
        if (startup, age) == MAIN:
            figures += _figures(found, summaries)
        details[f"start-ups of {startup:g} s, readings up to {age:g} s old"] = _details(found, summaries)
    setting = (
        f"27 day-long loads (9 shapes, messages of 0.1, 10 and 300 s), {seeds} seeds each; latencySeconds"
        f" {PROMISE_SECONDS:g}, else defaults; at most {MOST_PODS} pods of concurrency 1. Cost is in pod-seconds over"
        " those of a scaler that knows the load in advance, at the same p99 wait (from sent to begun)"
    )
    return Result("law", setting, figures, {}, details)


def played(loads: Sequence[LawLoad], seeds: int, startup: float, age: float) -> Found:
    """Return what came of each policy on each load."""
    found: dict[str, dict[str, OnLoad]] = {}
    for load in loads:
        judged: dict[str, list[Judgement]] = {}
        for seed in range(1, seeds + 1):
            scenario = Scenario(load.load, load.work(startup), 2 * seed, age, PROMISE_SECONDS)
            for name, judgement in _judged(scenario):
                judged.setdefault(name, []).append(judgement)
        for name, each in judged.items():
            found.setdefault(name, {})[load.name] = OnLoad(each)
    return found


def _judged(scenario: Scenario) -> Iterator[tuple[str, Judgement]]:
    """Yield the judgement of each policy: our pool is first, and stops no work, so its run says how long it takes."""
    drawn, services = Drawn(), list[float]()
    promised, startup = 0.0, scenario.work.startup.mean_seconds
    for name, candidate in policies(scenario.work).items():
        run = play(candidate, scenario, drawn)
        if name == POOL:
            services = _services(run)
            promised = least_pod_seconds(run.run.arrivals, services, Terms(startup, PROMISE_SECONDS, LATE_SHARE))
            assert bound(services, startup) <= promised + 1
        wait, outcome = run.outcome.wait, run.outcome
        assert wait is not None
        least = least_pod_seconds(run.run.arrivals, services, Terms(startup, wait.p99, LATE_SHARE))
        yield name, Judgement(run.run.pod_seconds, least, promised, wait.p99, outcome.repeated, outcome.unhandled)


def _services(played: Played) -> list[float]:
    """Return how long each message took."""
    run = played.run
    assert not run.repeated, "a protected worker was stopped at its work"
    assert not played.outcome.unhandled
    return [done - begun for begun, done in zip(run.begun, run.done, strict=True)]


def _figures(found: Found, summaries: dict[str, Summary]) -> Iterator[Figure]:
    ours = asdict(summaries[POOL])
    for name, limit in LIMITS.items():
        yield Figure(name, round(ours[name], 3), limit)
    yield Figure("busy_workers_stopped", ours["kills"], 0)
    yield Figure("loads_later_than_promised", ours["late"], 0)
    for name in (name for name in found if name not in OURS):
        yield Figure(f"loads_on_which_{name}_is_better", summaries[name].beats_pool, MOST_BEATEN)


def _details(found: Found, summaries: dict[str, Summary]) -> dict[str, object]:
    return {
        name: {
            **{figure: round(value, 3) for figure, value in asdict(summaries[name]).items()},
            "loads": {
                load: [round(each.ratio, 3), round(each.p99, 1), round(each.kills, 1)] for load, each in loads.items()
            },
        }
        for name, loads in found.items()
    }


BENCH = Bench(name="law", measure=measure, options=("seeds", "startups", "ages"), by_default=False)
