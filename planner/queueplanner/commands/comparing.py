"""Plays what the options of `qwp simulate` ask for. Raises ClickException for what cannot be played."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import click

from queueplanner.commands.files import files_of, manifests_in
from queueplanner.commands.load_options import LoadOptions
from queueplanner.commands.progress import progress
from queueplanner.commands.work_options import WorkOptions
from queueplanner.manifests import Manifests
from queueplanner.outcome import Outcome, Prices
from queueplanner.play import Candidate, Played, PlayError, Scenario, judge_all, play_all
from queueplanner.presets import RIVALS
from queueplanner.results import Comparison, Result
from queueplanner.work import Work

MOST_PODS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What the options say; times are in seconds.

    Args:
        paths: Files of manifests.
        rivals: Names of presets, several with commas between them.
        max_pods: The most pods of rivals; None: nobody said.
        loads: The load.
        works: What messages and workers are like.
        slo: How long a message may wait; None: nobody said.
        pod_price: What a pod costs in an hour.
        counts_age: How old the queue's counts may be.
        seed: Of the first run.
        runs: How many runs there are.
        processes: How many runs go on at the same time.
    """

    paths: Sequence[str]
    rivals: Sequence[str]
    max_pods: int | None
    loads: LoadOptions
    works: WorkOptions
    slo: float | None
    pod_price: float
    counts_age: float
    seed: int
    runs: int
    processes: int

    @property
    def seeds(self) -> range:
        """Of the runs."""
        return range(self.seed, self.seed + self.runs)


def compare(request: Request, *, keep: bool) -> tuple[Comparison, Sequence[Played]]:
    """Play every policy with every seed. Raises ClickException.

    Args:
        request: What is asked for.
        keep: Whether the first run of each policy is returned whole, for pictures.
    """
    manifests = manifests_in(files_of(request.paths))
    work, assumed = request.works.work(manifests.workers)
    candidates = _candidates(request, manifests, work)
    load = request.loads.made()
    scenario = Scenario(
        load,
        work,
        counts_age_seconds=request.counts_age,
        slo_seconds=request.slo,
        prices=Prices(pod_hour=request.pod_price),
    )
    scenarios = [replace(scenario, seed=seed) for seed in request.seeds]
    try:
        outcomes, kept = _played(candidates, scenarios, request.processes, keep=keep)
    except PlayError as error:
        raise click.ClickException(str(error)) from error
    results = [
        Result(candidate.name, runs, candidate.unchecked) for candidate, runs in zip(candidates, outcomes, strict=True)
    ]
    return Comparison(request.loads.title, load.seconds, request.seeds, results, (*load.notes, *assumed)), kept


def _candidates(request: Request, manifests: Manifests, work: Work) -> list[Candidate]:
    names = [name.strip() for given in request.rivals for name in given.split(",")]
    for name in names:
        if name not in RIVALS:
            raise click.UsageError(f"--rival {name!r} is none of {', '.join(RIVALS)}")
        if names.count(name) > 1:
            raise click.UsageError(f"--rival {name} is given twice: once is enough")
    most = request.max_pods or max((each.most for each in manifests.candidates if each.most), default=MOST_PODS)
    candidates = [*manifests.candidates, *(RIVALS[name](work, most, request.slo) for name in names)]
    if not candidates:
        passed_over = f" ({', '.join(manifests.passed_over)} are none)" if manifests.passed_over else ""
        raise click.UsageError(f"say what to play{passed_over}: -f FILE with a pool, or --rival keda")
    return candidates


def _played(
    candidates: Sequence[Candidate], scenarios: Sequence[Scenario], processes: int, *, keep: bool
) -> tuple[list[list[Outcome]], Sequence[Played]]:
    """Return the outcomes of each candidate, and of each its first run if that is kept: all would fill the memory."""
    first = 1 if keep else 0
    with progress(len(candidates) * len(scenarios)) as shown:
        kept = play_all(candidates, scenarios[:first], processes, shown.done)
        shown.begin(len(kept))
        judged = judge_all(candidates, scenarios[first:], processes, shown.done)
    each = len(scenarios) - first
    return [
        [*(played.outcome for played in kept[number : number + first]), *judged[number * each : (number + 1) * each]]
        for number in range(len(candidates))
    ], kept
