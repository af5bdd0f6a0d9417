"""Our recommendation beside the size that another autoscaler set: over time, and summed up. Pure.

`qwp compare` calls it with the series of the operator's metrics; `picture` draws the same. What is not known at a time
counts for nothing there: neither for a sum, nor for a share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from queueworkerpool.model import format_time
from queueworkerpool.show.text import UNKNOWN, number, span, table

MOST_ROWS = 24
"""The table's rows: so many of all times, at equal distances."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The two sizes and the load at one time; None is what is not known."""

    time: datetime
    backlog: int | None
    ours: int | None
    theirs: int | None

    @property
    def difference(self) -> int | None:
        """Our pods less theirs."""
        return None if self.ours is None or self.theirs is None else self.ours - self.theirs


@dataclass(frozen=True, slots=True)
class Comparison:
    """Moments at equal distances, the oldest first."""

    moments: Sequence[Moment]
    step: timedelta

    @property
    def known(self) -> list[Moment]:
        """The moments at which both sizes are known."""
        return [moment for moment in self.moments if moment.difference is not None]

    def pod_hours(self) -> tuple[float, float]:
        """Return ours and theirs, over the time in which both are known."""
        hours = self.step / timedelta(hours=1)
        return sum(each.ours or 0 for each in self.known) * hours, sum(each.theirs or 0 for each in self.known) * hours

    def shares(self) -> tuple[float, float, float]:
        """Return the shares of the known time in which we would have had fewer, as many, and more pods."""
        differences = [moment.difference or 0 for moment in self.known]
        count = max(1, len(differences))
        fewer, more = sum(each < 0 for each in differences), sum(each > 0 for each in differences)
        return fewer / count, (len(differences) - fewer - more) / count, more / count

    def changes(self) -> tuple[int, int]:
        """Return how often our size and theirs changed, as far as the moments show."""
        return _changes([each.ours for each in self.moments]), _changes([each.theirs for each in self.moments])


def _changes(sizes: Sequence[int | None]) -> int:
    known = [size for size in sizes if size is not None]
    return sum(before != after for before, after in pairwise(known))


def aligned(start: datetime, end: datetime, step: timedelta, series: Sequence[Mapping[datetime, float]]) -> Comparison:
    """Return the moments of a grid. `series`: backlog, ours, theirs, each with the values that are known by time."""
    moments, time = [], start
    while time <= end:
        backlog, ours, theirs = (_whole(each.get(time)) for each in series)
        moments.append(Moment(time, backlog, ours, theirs))
        time += step
    return Comparison(moments, step)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return a table of some of the moments, and the summary of all."""
    if not comparison.known:
        return ["Prometheus knows both sizes at no time: does it scrape the operator, and was the pool there then?"]
    every = max(1, -(-len(comparison.moments) // MOST_ROWS))
    rows = [_cells(moment) for moment in comparison.moments[::every]]
    return [*table(("TIME", "BACKLOG", "OURS", "THEIRS", "DIFFERENCE"), rows), "", *_summary(comparison)]


def _cells(moment: Moment) -> list[str]:
    difference = UNKNOWN if moment.difference is None else f"{moment.difference:+d}" if moment.difference else "0"
    sizes = [number(each) for each in (moment.backlog, moment.ours, moment.theirs)]
    return [format_time(moment.time), *sizes, difference]


def _summary(comparison: Comparison) -> Iterator[str]:
    moments, known = comparison.moments, comparison.known
    (ours, theirs), (fewer, equal, more) = comparison.pod_hours(), comparison.shares()
    unknown = (len(moments) - len(known)) * comparison.step
    missing = f"; unknown for {span(unknown)}, which is left out" if unknown else ""
    yield f"{span(len(known) * comparison.step)} compared, every {span(comparison.step)}{missing}"
    saved = f" ({(ours - theirs) / theirs:+.0%})" if theirs else ""
    yield f"pod-hours: ours {ours:.1f}, theirs {theirs:.1f}{saved}"
    yield f"of the time: ours fewer {fewer:.0%}, equal {equal:.0%}, more {more:.0%}"
    yield "changes of size: ours {}, theirs {}".format(*comparison.changes())


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return every moment and the summary as JSON."""
    (ours, theirs), (fewer, equal, more) = comparison.pod_hours(), comparison.shares()
    changes = comparison.changes()
    return {
        "stepSeconds": comparison.step.total_seconds(),
        "moments": [
            {"time": format_time(each.time), "backlog": each.backlog, "ours": each.ours, "theirs": each.theirs}
            for each in comparison.moments
        ],
        "summary": {
            "comparedSeconds": (len(comparison.known) * comparison.step).total_seconds(),
            "podHours": {"ours": ours, "theirs": theirs},
            "shares": {"fewer": fewer, "equal": equal, "more": more},
            "changes": {"ours": changes[0], "theirs": changes[1]},
        },
    }
