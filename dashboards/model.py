"""What a dashboard consists of: frozen values. `operators` and `pools` make them, `grafana` renders them.

It knows neither Grafana's library nor any metric.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

COLUMNS = 24
"""Columns of Grafana's grid: the widths of the panels that stand side by side add up to this."""

RATE = "$__rate_interval"
"""The range of a rate, which Grafana makes long enough for the scrape interval."""


class Kind(Enum):
    """How a panel draws its queries."""

    LINES = auto()  # values over time
    BARS = auto()  # the same, stacked
    NUMBER = auto()  # the newest value of each series
    STATES = auto()  # one coloured bar per series, for values that are 0 or 1
    TABLE = auto()  # one line per namespace and pool, one column per query


class Unit(Enum):
    """Grafana's name of a unit."""

    COUNT = "short"
    SECONDS = "s"
    SHARE = "percentunit"
    PER_SECOND = "cps"
    BYTES = "bytes"


class Color(Enum):
    """What a value means to whoever is on call."""

    GOOD = "green"
    ODD = "orange"
    BAD = "red"
    NEUTRAL = "blue"


@dataclass(frozen=True, slots=True)
class Query:
    """A query in PromQL. `legend` names its series, with labels as `{{label}}`; in a table it is the column's head."""

    promql: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Args:
        title: Unique on its dashboard; runbooks name it.
        description: What it shows, and what it means when it looks otherwise than usual.
        queries: What it draws.
        kind: How.
        unit: Of all its values.
        width: In columns.
        colors: From which value on which colour holds, lowest first; none: one colour per series.
        runbooks: Names of the alerts whose runbook explains this panel.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    unit: Unit = Unit.COUNT
    width: int = 8
    colors: tuple[tuple[float, Color], ...] = ()
    runbooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one question."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard, whose values are those of `label` in the series of `selector`.

    Args:
        name: Its name in queries.
        label: The label of the series, and what people read above the choice.
        selector: The series.
        everything: The regular expression that stands for All. `.*` also chooses series without the label.
    """

    name: str
    label: str
    selector: str
    everything: str = ".+"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks in time on every panel, wherever a query has a value above zero. `text` is shown there."""

    name: str
    promql: str
    text: str
    color: Color


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard. `uid` is the last part of its address."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    annotations: tuple[Annotation, ...]
    rows: tuple[Row, ...]

    def panels(self) -> Iterator[Panel]:
        """Yield the panels of all rows."""
        for row in self.rows:
            yield from row.panels


def quantiles(histogram: str, selector: str, *, per: str = "", name: str = "") -> tuple[Query, ...]:
    """Return the median, the 90th and the 99th percentile of a histogram.

    Args:
        histogram: The metric's name, without `_bucket`.
        selector: The matchers of its series.
        per: Labels by which to keep series apart, such as `namespace, pool`.
        name: The legend before the percentile, with the blank.
    """
    by = f"{per}, le" if per else "le"
    rate = f"sum by ({by}) (rate({histogram}_bucket{{{selector}}}[{RATE}]))"
    return tuple(
        Query(f"histogram_quantile({share}, {rate})", f"{name}{shown}")
        for share, shown in ((0.5, "median"), (0.9, "90 %"), (0.99, "99 %"))
    )
