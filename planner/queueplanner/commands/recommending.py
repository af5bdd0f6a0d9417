"""Asks what the options of `qwp recommend` ask. Raises ClickException for what cannot be asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

import click

from queueplanner.commands.files import files_of, manifests_in
from queueplanner.commands.judgement_options import JudgementOptions
from queueplanner.commands.load_options import LoadOptions
from queueplanner.commands.modes import check_drawn
from queueplanner.commands.progress import Progress, progress
from queueplanner.commands.work_options import WorkOptions
from queueplanner.manifests import File
from queueplanner.outcome import Outcome, Prices
from queueplanner.play import Candidate, PlayError, Scenario, judge_all
from queueplanner.presets import RIVALS
from queueplanner.processes import ALONE, Processes
from queueplanner.recommend import SEARCHED, Answer, Manifest, ManifestError, Question, Slo, new, recommend
from queueplanner.work import Work
from queueworkerpool.commands import NothingDoneError
from queueworkerpool.importing.files import Unread, read_file
from queueworkerpool.names import GROUP, KIND

NAME = "workers"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/my-queue"
START_SECONDS = 1.0
"""What it takes to start processes."""
BESIDE = ("keda", "keda-expert")
"""Presets that are played beside what is recommended."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the options say; times are in seconds.

    Args:
        slo: What is promised.
        paths: Files of manifests.
        name: Of the pool; None: nobody said.
        queue_url: Of its queue; None: nobody said.
        max_pods: The most pods; None: nobody said.
        keep: Names of fields that stay as they are.
        loads: The load.
        works: What messages and workers are like.
        judgement: How it is searched and judged.
    """

    slo: Slo
    paths: Sequence[str]
    name: str | None
    queue_url: str | None
    max_pods: int | None
    keep: Sequence[str]
    loads: LoadOptions
    works: WorkOptions
    judgement: JudgementOptions

    @property
    def names_pool(self) -> bool:
        """Whether it is said which pool and queue it is about."""
        return bool(self.paths) or None not in (self.name, self.queue_url)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """An answer, the load in words, and what was assumed to find it."""

    answer: Answer
    load: str
    assumed: tuple[str, ...]


def ask(request: Request) -> Recommendation:
    """Search for an answer. Raises ClickException."""
    files = files_of(request.paths)
    workers, sent = manifests_in(files).workers, request.loads.sent()
    check_drawn(sent.load, request.loads.title, "give a part of the load")
    work, assumed = request.works.work(workers, sent.workers)
    scenario = Scenario(
        sent.load,
        work,
        seed=request.judgement.seed,
        counts_age_seconds=request.judgement.counts_age,
        slo_seconds=request.slo.seconds,
        prices=Prices(pod_hour=request.judgement.pod_price),
    )
    question = Question(
        request.slo,
        scenario,
        _manifest(request, files),
        is_new=not request.paths,
        most=request.max_pods,
        kept=frozenset(path for path in SEARCHED if path[-1] in request.keep),
        rivals=partial(_rivals, work, request.slo.seconds),
    )
    notes = (*(sent.past.notes if sent.past else ()), *assumed)
    return Recommendation(_answer(question, request.judgement.at_once), request.loads.title, notes)


def _answer(question: Question, count: int) -> Answer:
    with progress(None) as shown, Processes(count) as processes:
        try:
            return recommend(question, _Players(processes, shown))
        except (PlayError, ManifestError) as error:
            raise NothingDoneError(str(error)) from error


@dataclass(slots=True)
class _Players:
    """Plays candidates, in several processes where that is quicker: to start them takes a while."""

    processes: Processes
    shown: Progress
    played: int = 0
    run_seconds: float = 0.0

    def __call__(self, candidates: Sequence[Candidate], scenarios: Sequence[Scenario]) -> Sequence[Outcome]:
        self.shown.begin(self.played)
        several = self.run_seconds * len(candidates) * len(scenarios) >= START_SECONDS
        begun = monotonic()
        outcomes = judge_all(candidates, scenarios, self.processes if several else ALONE, self.shown.done)
        self.run_seconds = (monotonic() - begun) / len(outcomes)
        self.played += len(outcomes)
        return outcomes


def _rivals(work: Work, slo_seconds: float, most: int) -> list[Candidate]:
    return [RIVALS[name](work, most, slo_seconds) for name in BESIDE]


def _manifest(request: Request, files: Sequence[File]) -> Manifest:
    """Return the pool that is in the files, or a new one."""
    if not request.paths:
        return new(request.name or NAME, request.queue_url or QUEUE_URL, request.max_pods or 1, {"messagesPerPod": 1})
    if request.queue_url:
        raise click.UsageError("--queue-url: the pool that -f gives has its own: leave one of the two out")
    pools = [pool for pool in _pools(files) if request.name in (None, pool["metadata"]["name"])]
    if not pools:
        if request.name:
            raise click.UsageError(f"-f: there is no {KIND} of the name {request.name}: give one")
        raise click.UsageError(f"-f: there is no {KIND}: give one, or --name and --queue-url in place of -f")
    if len(pools) > 1:
        names = {pool["metadata"]["name"] for pool in pools}
        of, do = (
            (f" of the name {names.pop()}", "leave the others out")
            if len(names) == 1
            else ("", "choose it with --name")
        )
        raise click.UsageError(f"-f: there are {len(pools)} {KIND}s{of}, and one is needed: {do}")
    return pools[0]


def _pools(files: Sequence[File]) -> Iterator[Manifest]:
    for name, text in files:
        for found in read_file(name, text):
            if not isinstance(found, Unread) and found.group == GROUP:
                yield found.value
