"""The options that say what messages and workers are like. The commands share them.

What nobody said is assumed, and told.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from queueplanner.commands.parameters import SHARE, Period, Span, Times, Whole
from queueplanner.commands.sections import Section, grouped
from queueplanner.commands.texts import read
from queueplanner.recorded import LoadError
from queueplanner.sources.past import Workers
from queueplanner.sources.service_times import parse_service_times
from queueplanner.work import Constant, Deaths, Draw, Failures, Work
from queueworkerpool.commands import NothingDoneError

if TYPE_CHECKING:
    from queueworkerpool.validate.workloads import TemplateWorkers

WORK = Section("Work")
FAILURES = Section("What goes wrong")
STARTUP_SECONDS = 20.0
GRACE_SECONDS = 30.0
VISIBILITY_SECONDS = 30.0
LONGEST_POLL_SECONDS = 20.0
"""What SQS allows, and queueworker does."""
SECONDS_PER_HOUR = 3_600.0
SHORTEST_LIFE_SECONDS = 1.0
"""Each pod that dies is an event, and another one is created at once."""


@dataclass(frozen=True, slots=True)
class WorkOptions:
    """What was given of each option; None is what was not."""

    service: Draw | None
    service_histogram: str | None
    startup: Draw | None
    concurrency: int | None
    visibility: float | None
    grace: float | None
    releases: bool
    fail_share: float
    poison_share: float
    outages: Sequence[tuple[float, float]]
    max_receive_count: int | None
    retry_after: float
    pod_lifetime: float | None
    node_lost_at: Sequence[float]
    pods_per_node: int

    def work(self, templates: "Sequence[TemplateWorkers]", measured: Workers | None) -> tuple[Work, tuple[str, ...]]:
        """Return the work, and what was assumed of it. What was given goes first, then what was measured.

        Args:
            templates: What the workloads among the manifests say of their workers.
            measured: What a pool's past says of its workers, if there is one.

        Raises:
            ClickException: nobody says how long a message takes, or a file of such times cannot be read.
        """
        known = measured or Workers(None, None, None)
        service, startup = self._service() or known.service, self.startup or known.startup
        concurrency = self.concurrency or known.concurrency or _agreed(each.concurrency for each in templates)
        if service is None:
            raise click.UsageError("say how long a worker takes for one message, such as --service 10s or 10s~0.5")
        work = Work(
            service,
            startup or Constant(STARTUP_SECONDS),
            concurrency or 1,
            VISIBILITY_SECONDS if self.visibility is None else self.visibility,
            self._grace(templates),
            self.releases,
            Failures(
                self.fail_share, self.poison_share, tuple(self.outages), self.max_receive_count or 0, self.retry_after
            ),
            Deaths(
                None if self.pod_lifetime is None else self.pod_lifetime / SECONDS_PER_HOUR,
                tuple(sorted(self.node_lost_at)),
                self.pods_per_node,
            ),
            LONGEST_POLL_SECONDS,
        )
        return work, tuple(_assumed(service, startup, concurrency))

    def _service(self) -> Draw | None:
        """Return how long a message takes, as it was given."""
        if self.service_histogram is None:
            return self.service
        if self.service is not None:
            raise click.UsageError("--service and --service-histogram: give one of them")
        try:
            return parse_service_times(read("--service-histogram", self.service_histogram)).draw
        except LoadError as error:
            raise NothingDoneError(f"--service-histogram {self.service_histogram}: {error}") from error

    def _grace(self, templates: "Sequence[TemplateWorkers]") -> float:
        if self.grace is not None:
            return self.grace
        said = _agreed(each.grace_seconds for each in templates)
        return GRACE_SECONDS if said is None else said


_Said = TypeVar("_Said")


def _agreed(said: Iterable[_Said]) -> _Said | None:
    """Return what all say; None when they differ, or nobody says anything."""
    different = set(said)
    return different.pop() if len(different) == 1 else None


def _assumed(service: Draw, startup: Draw | None, concurrency: int | None) -> Iterator[str]:
    if startup is None:
        yield (
            f"a pod was assumed to take {STARTUP_SECONDS:g} s from its creation to its first receive: measure it"
            " (`kubectl get pods -w` of a pod that is created) and give --startup"
        )
    if concurrency is None:
        yield "a pod was assumed to handle one message at a time: give --concurrency, or its Deployment with -f"
    if isinstance(service, Constant):
        yield "every message was assumed to take as long as the others: give --service 10s~0.5 where they differ"


_OPTIONS = (
    WORK.option(
        "--service",
        type=Times(zero=False),
        help="How long a worker takes for one message: 10s, 10s~0.5.",
    ),
    WORK.option(
        "--service-histogram",
        metavar="FILE",
        help="The same, measured: the text of a worker's /metrics, or a CSV with the columns seconds and count.",
    ),
    WORK.option(
        "--concurrency",
        type=Whole(1, 10_000),
        help="Messages that a pod handles at the same time.",
    ),
    WORK.option("--startup", type=Times(), help="From a pod's creation to its first receive. Assumed: 20s."),
    WORK.option("--visibility", type=Span(zero=False), help="The visibility timeout. Default: 30s."),
    WORK.option(
        "--grace",
        type=Span(),
        help="terminationGracePeriodSeconds. Default: the Deployment's, else 30s.",
    ),
    WORK.option(
        "--releases",
        is_flag=True,
        help="Workers release what they cannot finish, as queueworker does.",
    ),
    FAILURES.option("--fail-share", type=SHARE, default=0.0, help="Attempts that fail, by chance."),
    FAILURES.option("--poison-share", type=SHARE, default=0.0, help="Messages that always fail."),
    FAILURES.option(
        "--outage",
        "outages",
        type=Period(),
        multiple=True,
        help="When every attempt fails, as while a database is down: 2h+30m. May be given several times.",
    ),
    FAILURES.option(
        "--max-receive-count",
        type=Whole(1, 1000),
        help="Receives before a message goes to the dead-letter queue. Default: there is none.",
    ),
    FAILURES.option(
        "--retry-after",
        type=Span(),
        default=0.0,
        help="How long a message that failed stays hidden. Default: 0s.",
    ),
    FAILURES.option(
        "--pod-lifetime",
        type=Span(zero=False, least=SHORTEST_LIFE_SECONDS),
        help="How long a pod lives until it dies.",
    ),
    FAILURES.option(
        "--node-lost-at",
        type=Span(),
        multiple=True,
        help="When a node is lost, from the start. May be given several times.",
    ),
    FAILURES.option(
        "--pods-per-node",
        type=Whole(1, 10_000),
        default=10,
        help="Pods that a lost node had. Default: 10.",
    ),
)

work_options = grouped("works", WorkOptions, _OPTIONS)
"""Give a command the options; it gets them as `works`."""
