"""The figures by which policies are compared: how each is called, taken from an outcome, and shown. Pure.

Less is better in all of them. The commands print them, the report shows them on its page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean

from queueplanner.outcome import Outcome, Spread
from queueworkerpool.show.text import UNKNOWN, span

LONG_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Args:
        key: Its name in JSON and CSV.
        label: Its name for people.
        value: Takes it from an outcome; None: it is not known.
        shown: Writes it for people.
    """

    key: str
    label: str
    value: Callable[[Outcome], float | None]
    shown: Callable[[float], str]

    def mean(self, outcomes: Sequence[Outcome]) -> float | None:
        """Return its mean over runs; None where one of them does not know it."""
        values = [self.value(each) for each in outcomes]
        known = [value for value in values if value is not None]
        return fmean(known) if known and len(known) == len(values) else None

    def text(self, value: float | None) -> str:
        """Return a value for people."""
        return UNKNOWN if value is None else self.shown(value)


def seconds(value: float) -> str:
    """Return seconds for people: 0.4 s, 85 s, 4m12s."""
    if value >= LONG_SECONDS:
        return span(timedelta(seconds=value))
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"  # noqa: PLR2004 -- two digits are enough


def count(value: float) -> str:
    """Return a number of things; a mean has a decimal."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def amount(value: float) -> str:
    """Return hours or money, with three digits at least."""
    return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"  # noqa: PLR2004 -- cents matter below


def share(value: float) -> str:
    """Return a share in percent."""
    return f"{value * 100:.2f} %"


def _of(spread: Callable[[Outcome], Spread | None], part: str) -> Callable[[Outcome], float | None]:
    def value(outcome: Outcome) -> float | None:
        found = spread(outcome)
        return None if found is None else float(getattr(found, part))

    return value


def _spread(key: str, spread: Callable[[Outcome], Spread | None]) -> tuple[Figure, ...]:
    parts = {"p50": "p50", "p95": "p95", "p99": "p99", "longest": "max"}
    return tuple(
        Figure(f"{key}{label.capitalize()}Seconds", label, _of(spread, part), seconds) for part, label in parts.items()
    )


SECTIONS: tuple[tuple[str, tuple[Figure, ...]], ...] = (
    (
        "cost",
        (
            Figure("podHours", "pod-hours", lambda it: it.pod_hours, amount),
            Figure("cost", "cost", lambda it: it.cost, amount),
            Figure("wastedCost", "of it for work cut off", lambda it: it.wasted_cost, amount),
        ),
    ),
    ("wait, sent to begun", _spread("wait", lambda it: it.wait)),
    ("time, sent to done", _spread("total", lambda it: it.total)),
    (
        "messages",
        (
            Figure("aboveSlo", "waited above the SLO", lambda it: it.above_slo, share),
            Figure("unhandled", "not handled by the end", lambda it: it.unhandled, count),
            Figure("lost", "lost", lambda it: it.lost, count),
            Figure("deadLettered", "dead-lettered", lambda it: it.dead_lettered, count),
            Figure("failed", "attempts that failed", lambda it: it.failed, count),
            Figure("repeated", "cut off, done again", lambda it: it.repeated, count),
            Figure("wastedHours", "hours of work cut off", lambda it: it.wasted_hours, amount),
        ),
    ),
    (
        "control",
        (
            Figure("scaleWrites", "changes of the size", lambda it: it.scale_writes, count),
            Figure("reads", "readings of the queue", lambda it: it.reads, count),
            Figure("requests", "requests to SQS", lambda it: it.requests, count),
            Figure("hoursAtMost", "hours at the most pods", lambda it: it.hours_at_most, amount),
        ),
    ),
)
"""All figures, in the order in which they are shown."""

FIGURES: tuple[Figure, ...] = tuple(figure for _, figures in SECTIONS for figure in figures)
