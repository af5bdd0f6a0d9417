"""Law: what a pool costs that promises a latency, over what a scaler costs that knows the load in advance.

Simulated by the planner, which plays the operator's own decisions and models of its rivals; `law_loads` has the loads,
`law_policies` what is compared. Waits are from sent to begun. A run plays one policy on one load with one seed, so that
all policies have the same messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product, starmap

from benchmarks.bench import Bench
from benchmarks.law_figures import Found, Judgement, OnLoad, Summary, summary
from benchmarks.law_loads import LawLoad, law_loads
from benchmarks.law_policies import FEW, MOST_PODS, OTHERS_OF_OURS, POOL, PROMISE_SECONDS, policies
from benchmarks.result import Figure, Result
from queueplanner.clairvoyant import Terms, least_pod_seconds
from queueplanner.play import Drawn, Played, Scenario, play

LIMITS = {"mean": 1.12, "summed": 1.06, "worst": 2.1}
LATE_SHARE = 0.01
"""Of a p99."""
MOST_BEATEN = 2
"""Loads on which a rival may be better in both, cost and wait."""


@dataclass(frozen=True, slots=True)
class Variant:
    """How long pods take to start, and how old readings are at most, in seconds."""

    startup: float
    age: float

    def __str__(self) -> str:
        return f"start-ups of {self.startup:g} s, readings up to {self.age:g} s old"

    def scenario(self, load: LawLoad, seed: int) -> Scenario:
        """Return what a policy is played in."""
        return Scenario(load.load, load.work(self.startup), 2 * seed, self.age, PROMISE_SECONDS)


MAIN = Variant(20.0, 10.0)
"""That for which the limits hold. With the others one seed is played, by a few policies."""


def measure(*, seeds: int, startups: Sequence[float], ages: Sequence[float]) -> Result:
    """Play all loads for each start-up time and age of readings."""
    figures: list[Figure] = []
    details: dict[str, object] = {}
    for variant in starmap(Variant, product(startups, ages)):
        is_main = variant == MAIN
        found = played(variant, list(law_loads()), seeds if is_main else 1, () if is_main else FEW)
        summaries = {name: summary(found, name, POOL, PROMISE_SECONDS) for name in found}
        if is_main:
            figures += _figures(summaries)
        details[str(variant)] = _details(found, summaries)
    setting = (
        f"27 day-long loads (9 shapes, messages of 0.1, 10 and 300 s), {seeds} seeds each with {MAIN}, one with others"
        f" and for other settings of our pool; latencySeconds {PROMISE_SECONDS:g}, else defaults; at most {MOST_PODS}"
        " pods of concurrency 1. Cost is in"
        " pod-seconds over those of a scaler that knows the load in advance, at the same p99 wait (from sent to begun)."
        " Of each load: cost, p99 wait in seconds, busy workers stopped per run"
    )
    return Result("law", setting, figures, {}, details)


def played(variant: Variant, loads: Sequence[LawLoad], seeds: int, names: Sequence[str] = ()) -> Found:
    """Return what came of each policy on each load; `names`: of these, else of all.

    Other settings of our pool are played with the first seed alone, for their decisions take most of the time.
    """
    found: dict[str, dict[str, OnLoad]] = {}
    for load in loads:
        judged: dict[str, list[Judgement]] = {}
        for seed in range(1, seeds + 1):
            scenario = variant.scenario(load, seed)
            for name, judgement in _judged(scenario, names, OTHERS_OF_OURS if seed > 1 else ()):
                judged.setdefault(name, []).append(judgement)
        for name, each in judged.items():
            found.setdefault(name, {})[load.name] = OnLoad(each)
    return found


def _judged(scenario: Scenario, names: Sequence[str], without: Sequence[str]) -> Iterator[tuple[str, Judgement]]:
    """Yield the judgement of each policy: our pool is first, and stops no work, so its run says how long it takes."""
    drawn, services, promised = Drawn(), list[float](), 0.0
    terms = Terms(scenario.work.startup.mean_seconds, PROMISE_SECONDS, LATE_SHARE)
    for name, candidate in policies(scenario.work).items():
        if (names and name not in names) or name in without:
            continue
        played = play(candidate, scenario, drawn)
        run, outcome = played.run, played.outcome
        assert outcome.wait is not None
        if name == POOL:
            services = _services(played)
            promised = least_pod_seconds(run.arrivals, services, terms)
        least = least_pod_seconds(run.arrivals, services, replace(terms, wait_seconds=outcome.wait.p99))
        yield name, Judgement(run.pod_seconds, least, promised, outcome.wait.p99, outcome.repeated, outcome.unhandled)


def _services(played: Played) -> list[float]:
    """Return how long each message took."""
    run = played.run
    assert not run.repeated, "a protected worker was stopped at its work"
    assert not played.outcome.unhandled
    return [done - begun for begun, done in zip(run.begun, run.done, strict=True)]


def _figures(summaries: Mapping[str, Summary]) -> Iterator[Figure]:
    ours = asdict(summaries[POOL])
    for name, limit in LIMITS.items():
        yield Figure(name, round(ours[name], 3), limit)
    yield Figure("busy_workers_stopped", ours["kills"], 0)
    yield Figure("loads_later_than_promised", ours["late"], 0)
    for name in summaries:
        if name != POOL and name not in OTHERS_OF_OURS:
            yield Figure(f"mean_of_{name}", round(summaries[name].mean, 3))
            yield Figure(f"loads_on_which_{name}_is_better", summaries[name].beats_pool, MOST_BEATEN)


def _details(found: Found, summaries: Mapping[str, Summary]) -> dict[str, object]:
    return {
        name: {
            **{figure: round(value, 3) for figure, value in asdict(summaries[name]).items()},
            "loads": {
                load: f"{each.ratio:.2f}, {each.p99:.1f} s, {each.kills:.1f} stopped" for load, each in loads.items()
            },
        }
        for name, loads in found.items()
    }


BENCH = Bench(name="law", measure=measure, options=("seeds", "startups", "ages"), by_default=False)
