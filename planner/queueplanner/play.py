"""Plays candidates over a load: the same messages for each of them. The commands and examples call it.

It may start processes; it prints nothing.
"""

import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Generic, TypeVar

from queueplanner import aggregated
from queueplanner.loads import Load
from queueplanner.outcome import Outcome, Prices, Terms, outcome
from queueplanner.processes import ALONE, ProcessEndedError, Processes
from queueplanner.simulation import MONDAY, Mode, Policy, Primary, Run, System, drawn, simulate
from queueplanner.work import Draw, Work

MOST_EXACT = 3_000_000
"""Messages up to which a run is calculated exactly, if nobody says how."""


def unchanged(work: Work) -> Work:
    """Return the work as it is."""
    return work


def whole_life(run: Run, _: Work) -> float:
    """Return the seconds from each unit's creation to its end."""
    return run.pod_seconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """What might size a pool: a policy that begins anew for each run, and what it sizes. It can be pickled.

    Args:
        name: What people call it.
        begin: Returns the policy at its start, for this work.
        adapt: What its workers are like: instances start more slowly than pods.
        primary: Assigns the messages, where there is no queue.
        pod_hour: What its unit costs in an hour; None: as the scenario says.
        most: The most units that it may ask for; None: there is no limit.
        replicas: Units that there are at the start, ready: as if it had been there before.
        paid_seconds: Returns the seconds of its units that are paid: Lambda's are only while they work.
        unchecked: Assumptions of its model that nobody could check, in sentences.
    """

    name: str
    begin: Callable[[Work], Policy]
    adapt: Callable[[Work], Work] = unchanged
    primary: Primary | None = None
    pod_hour: float | None = None
    most: int | None = None
    replicas: int = 0
    paid_seconds: Callable[[Run, Work], float] = whole_life
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load and what handles it.

    Args:
        load: What is sent.
        work: What messages and workers are like.
        seed: The same seed gives the same run.
        counts_age_seconds: How old the queue's counts may be when they are read.
        slo_seconds: How long a message may wait; None: nobody said.
        prices: What things cost.
        replicas: Pods that there are at the start, ready.
        warm_up_seconds: What happens until then is not judged: the policy has no memory yet.
        mode: How runs are calculated; None: exactly up to `MOST_EXACT` messages, and where there is a primary server.
    """

    load: Load
    work: Work
    seed: int = 1
    counts_age_seconds: float = 0.0
    slo_seconds: float | None = None
    prices: Prices = field(default_factory=Prices)
    replicas: int = 0
    warm_up_seconds: float = 0.0
    mode: Mode | None = None

    def random(self) -> Random:
        """Return what the load is drawn with."""
        return Random(self.seed)  # noqa: S311 -- chance in a simulation


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a candidate in a scenario."""

    candidate: Candidate
    run: Run
    outcome: Outcome


class Drawn:
    """A scenario's messages: drawn once for all candidates that are played in it one after the other."""

    def __init__(self) -> None:
        self._scenario: Scenario | None = None
        self._times: Sequence[float] = ()
        self._services_of: tuple[Draw, int, int] | None = None
        self._services: Sequence[float] = ()

    def times(self, scenario: Scenario) -> Sequence[float]:
        """Return when each is sent, in order."""
        if scenario is not self._scenario:
            self._scenario, self._times = scenario, scenario.load.times(scenario.random())
        return self._times

    def services(self, service: Draw, seed: int, messages: int) -> Sequence[float]:
        """Return how long each takes. Candidates whose workers are alike draw the same."""
        if (service, seed, messages) != self._services_of:
            self._services_of, self._services = (service, seed, messages), drawn(service, seed, messages)
        return self._services


def play(candidate: Candidate, scenario: Scenario, messages: Drawn | None = None) -> Played:
    """Let a candidate size its pods for the scenario's load. `messages` may know them from another candidate."""
    work = candidate.adapt(scenario.work)
    counts_age, began = scenario.counts_age_seconds, beginning(scenario.load)
    replicas = max(scenario.replicas, candidate.replicas)
    system = System(work, scenario.load.seconds, counts_age, replicas, candidate.primary, began)
    run = _run(candidate.begin(work), scenario, system, messages or Drawn())
    hour = scenario.prices.pod_hour if candidate.pod_hour is None else candidate.pod_hour
    prices, warm_up = replace(scenario.prices, pod_hour=hour), scenario.warm_up_seconds
    terms = Terms(prices, work.concurrency, scenario.slo_seconds, candidate.most, warm_up)
    paid = replace(run, pod_seconds=candidate.paid_seconds(run, work))
    return Played(candidate, run, outcome(candidate.name, paid, terms))


def beginning(load: Load) -> datetime:
    """Return when a load began; one without dates begins on a Monday at midnight."""
    return load.began or MONDAY


def _run(policy: Policy, scenario: Scenario, system: System, messages: Drawn) -> Run:
    random = Random(scenario.seed + 1)  # noqa: S311 -- chance in a simulation
    if _mode(scenario, system) is Mode.EXACT:
        return simulate(policy, messages.times(scenario), system, random, messages.services)
    return aggregated.simulate(policy, aggregated.counts(scenario.load, scenario.random()), system, random)


def _mode(scenario: Scenario, system: System) -> Mode:
    if scenario.mode is not None:
        return scenario.mode
    few = system.primary is not None or aggregated.expected(scenario.load, scenario.random) <= MOST_EXACT
    return Mode.EXACT if few else Mode.AGGREGATED


class PlayError(Exception):
    """A run failed; the text names candidate and scenario."""


def play_all(
    candidates: Sequence[Candidate],
    scenarios: Sequence[Scenario],
    processes: Processes = ALONE,
    on_done: Callable[[int], None] | None = None,
) -> list[Played]:
    """Play every candidate in every scenario: all scenarios of the first candidate, then those of the second.

    The results are the same for any number of processes. A KeyboardInterrupt ends the processes, and goes on.

    Args:
        candidates: What is compared.
        scenarios: What each is played in.
        processes: In which the runs go on.
        on_done: Called with the number of runs that are done, after each.

    Raises:
        PlayError
    """
    return _all(_Runs(candidates, scenarios, _whole), processes, on_done)


def judge_all(
    candidates: Sequence[Candidate],
    scenarios: Sequence[Scenario],
    processes: Processes = ALONE,
    on_done: Callable[[int], None] | None = None,
) -> list[Outcome]:
    """Return the figures alone of what `play_all` plays: a thousand runs would fill the memory."""
    return _all(_Runs(candidates, scenarios, _figures), processes, on_done)


_Kept = TypeVar("_Kept")


def _whole(played: Played) -> Played:
    return played


def _figures(played: Played) -> Outcome:
    return played.outcome


@dataclass(frozen=True, slots=True)
class _Runs(Generic[_Kept]):
    """Runs by number, and what is kept of each. A scenario's follow each other."""

    candidates: Sequence[Candidate]
    scenarios: Sequence[Scenario]
    keep: Callable[[Played], _Kept]
    messages: Drawn = field(default_factory=Drawn)

    def __len__(self) -> int:
        return len(self.candidates) * len(self.scenarios)

    def __call__(self, number: int) -> _Kept | PlayError:
        candidate, scenario = self._of(number)
        try:
            return self.keep(play(self.candidates[candidate], self.scenarios[scenario], self.messages))
        except Exception as error:
            failed = self.failed(number, f"{type(error).__name__}: {error}")
            failed.add_note(traceback.format_exc())
            return failed

    def failed(self, number: int, what: str) -> PlayError:
        """Return an error that names the run."""
        candidate, scenario = self._of(number)
        load, seed = self.scenarios[scenario].load, self.scenarios[scenario].seed
        scene = f"scenario {scenario + 1} ({type(load).__name__} of {load.seconds:g} s, seed {seed})"
        return PlayError(f"{self.candidates[candidate].name} in {scene}: {what}")

    def place(self, number: int) -> int:
        """Return the run's place among the results."""
        candidate, scenario = self._of(number)
        return candidate * len(self.scenarios) + scenario

    def _of(self, number: int) -> tuple[int, int]:
        scenario, candidate = divmod(number, len(self.candidates))
        return candidate, scenario


def _all(runs: _Runs[_Kept], processes: Processes, on_done: Callable[[int], None] | None) -> list[_Kept]:
    kept: dict[int, _Kept] = {}
    try:
        with closing(processes.results(runs, len(runs))) as finished:
            for number, result in finished:
                if isinstance(result, PlayError):
                    raise result
                kept[runs.place(number)] = result
                if on_done is not None:
                    on_done(len(kept))
    except ProcessEndedError as error:
        raise runs.failed(error.number, str(error)) from None
    return [kept[place] for place in range(len(runs))]
