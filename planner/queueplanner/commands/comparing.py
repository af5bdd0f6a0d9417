"""Plays what the options of `qwp simulate` ask for. Raises ClickException for what cannot be played."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click

from queueplanner.accuracy import Accuracy, accuracy
from queueplanner.commands.files import files_of, manifests_in
from queueplanner.commands.judgement_options import JudgementOptions
from queueplanner.commands.load_options import LoadOptions, Sent
from queueplanner.commands.modes import check_mode, mode_of
from queueplanner.commands.progress import progress
from queueplanner.commands.work_options import WorkOptions
from queueplanner.manifests import Manifests
from queueplanner.outcome import Outcome, Prices
from queueplanner.play import Candidate, Played, PlayError, Scenario, judge_all, play_all
from queueplanner.presets import RIVALS
from queueplanner.processes import Processes
from queueplanner.results import Comparison, Result
from queueplanner.sources.past import PoolPast
from queueplanner.work import Work

MOST_PODS = 100
_NOT_CHECKED = "how wrong the planner is about the pool's own past is not known: give its manifest with -f"


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
        judgement: How they are played and judged.
        mode: How runs are calculated, one of `MODES`.
        runs: How many runs there are.
    """

    paths: Sequence[str]
    rivals: Sequence[str]
    max_pods: int | None
    loads: LoadOptions
    works: WorkOptions
    slo: float | None
    judgement: JudgementOptions
    mode: str
    runs: int

    @property
    def seeds(self) -> range:
        """Of the runs."""
        return range(self.judgement.seed, self.judgement.seed + self.runs)


@dataclass(frozen=True, slots=True)
class Compared:
    """What was played.

    Args:
        comparison: What is printed.
        scenario: That of the first runs.
        played: The first run of each policy, if they were to be kept.
    """

    comparison: Comparison
    scenario: Scenario
    played: Sequence[Played]


def compare(request: Request, *, keep: bool) -> Compared:
    """Play every policy with every seed. Raises ClickException.

    Args:
        request: What is asked for.
        keep: Whether the first run of each policy is returned whole, for pictures.
    """
    _read_standard_input_once(request)
    manifests, rivals = manifests_in(files_of(request.paths)), _rivals(request.rivals)
    _require_policies(manifests, rivals)
    sent = request.loads.sent()
    work, assumed = request.works.work(manifests.workers, sent.workers)
    scenario = _scenario(request, sent, work)
    candidates = [*manifests.candidates, *_presets(request, rivals, manifests, work)]
    check_mode(scenario.mode, sent.load, candidates)
    scenarios = [replace(scenario, seed=seed) for seed in request.seeds]
    try:
        outcomes, kept = _played(candidates, scenarios, request.judgement.at_once, keep=keep)
    except PlayError as error:
        raise click.ClickException(str(error)) from error
    results = [Result(each.name, runs, each.unchecked) for each, runs in zip(candidates, outcomes, strict=True)]
    own_past = _own_past(request, sent.past, manifests, scenario)
    notes = [*sent.notes, *assumed, *([_NOT_CHECKED] if sent.past and own_past is None else [])]
    comparison = Comparison(request.loads.title, sent.load.seconds, request.seeds, results, notes, own_past)
    return Compared(comparison, scenarios[0], kept)


def _read_standard_input_once(request: Request) -> None:
    if [*request.paths, request.loads.load, request.works.service_histogram].count("-") > 1:
        raise click.UsageError("standard input (-) can be read once: give a file for the others")


def _scenario(request: Request, sent: Sent, work: Work) -> Scenario:
    return Scenario(
        sent.load,
        work,
        counts_age_seconds=request.judgement.counts_age,
        slo_seconds=request.slo,
        prices=Prices(pod_hour=request.judgement.pod_price),
        replicas=sent.past.replicas if sent.past else 0,
        mode=mode_of(request.mode),
    )


def _own_past(request: Request, past: PoolPast | None, manifests: Manifests, scenario: Scenario) -> Accuracy | None:
    """Return how wrong the planner is about the pool's own past; None where its manifest is not given."""
    pool = request.loads.pool and manifests.pool(request.loads.pool)
    return accuracy(pool, past, scenario) if past and pool else None


def _rivals(given: Sequence[str]) -> list[str]:
    names = [name.strip() for each in given for name in each.split(",")]
    for name in names:
        if name not in RIVALS:
            raise click.UsageError(f"--rival {name!r} is none of {', '.join(RIVALS)}")
        if names.count(name) > 1:
            raise click.UsageError(f"--rival {name} is given twice: once is enough")
    return names


def _require_policies(manifests: Manifests, rivals: Sequence[str]) -> None:
    if manifests.candidates or rivals:
        return
    none = f" ({', '.join(manifests.passed_over)}: that is none)" if manifests.passed_over else ""
    raise click.UsageError(f"say what to play{none}: -f FILE with a pool, or --rival keda")


def _presets(request: Request, rivals: Sequence[str], manifests: Manifests, work: Work) -> Iterator[Candidate]:
    most = request.max_pods or max((each.most for each in manifests.candidates if each.most), default=MOST_PODS)
    return (RIVALS[name](work, most, request.slo) for name in rivals)


def _played(
    candidates: Sequence[Candidate], scenarios: Sequence[Scenario], count: int, *, keep: bool
) -> tuple[list[list[Outcome]], Sequence[Played]]:
    """Return the outcomes of each candidate, and of each its first run if that is kept: all would fill the memory."""
    first = 1 if keep else 0
    with progress(len(candidates) * len(scenarios)) as shown, Processes(count) as processes:
        kept = play_all(candidates, scenarios[:first], processes, shown.done)
        shown.begin(len(kept))
        judged = judge_all(candidates, scenarios[first:], processes, shown.done)
    each = len(scenarios) - first
    return [
        [*(played.outcome for played in kept[number : number + first]), *judged[number * each : (number + 1) * each]]
        for number in range(len(candidates))
    ], kept
