"""Draws runs and frontiers as PNG or SVG. The only adapter to matplotlib, which is loaded when something is drawn.

The same input gives the same bytes.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from queueplanner.play import Played
from queueplanner.report.series import series, tail, width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DAY_SECONDS = 86_400
FORMATS = (".png", ".svg")
COLOURS = ("#0072b2", "#c44e00", "#008060", "#9a4c95", "#1f1f1f", "#a17700", "#7a5230")
"""They can be told apart by the colour-blind too, and have a contrast of 3:1 and more on white."""
DASHES = ("", "6 2", "2 2", "6 2 2 2", "10 3", "6 2 2 2 2 2")
"""Lengths of dashes and of gaps between them, as SVG has them: lines are told apart without colours by these."""
TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY_SECONDS)
"""Seconds between two times that are written below a picture; beyond them, whole days."""
MOST_TIMES = 13
LONG_SECONDS = 2 * DAY_SECONDS
"""Beyond it, times have days."""
INTERVALS = 150
"""More could not be told apart, where lines lie over each other."""
LINE_WIDTH = 1.6
STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "font.size": 11,
    "grid.alpha": 0.3,
    "text.parse_math": False,  # a $ is one
    "svg.fonttype": "none",  # texts stay texts
    "svg.hashsalt": "queueplanner",  # names of parts are the same each time
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a line looks: its colour, one of COLOURS by number, and its dashes."""

    colour: int
    dashes: str

    def drawn(self) -> dict[str, Any]:
        """Return it in matplotlib's words."""
        style = (0, [float(length) / LINE_WIDTH for length in self.dashes.split()]) if self.dashes else "-"
        return {"color": COLOURS[self.colour], "linestyle": style, "linewidth": LINE_WIDTH}


class PictureError(ValueError):
    """A picture cannot be drawn; the text says why, and the fix."""


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """What can be had for what cost.

    Args:
        name: Of the setting.
        wait_seconds: What the promised share of the messages stays within.
        cost: Of the whole load.
        chosen: Whether it is the one to apply.
    """

    name: str
    wait_seconds: float
    cost: float
    chosen: bool = False


def draw(played: Sequence[Played], path: Path) -> None:
    """Draw what happened over time, for each policy a line. The path's suffix says how: .png or .svg.

    Raises PictureError.
    """
    path.write_bytes(runs(played, checked(path)))


def draw_frontier(points: Sequence[FrontierPoint], path: Path, wait: str = "p99 of the wait") -> None:
    """Draw cost against a wait. The path's suffix says how: .png or .svg.

    Raises PictureError.
    """
    path.write_bytes(frontier(points, wait, checked(path)))


def checked(path: Path) -> str:
    """Return the format of a picture at this path. Raises PictureError."""
    if path.suffix.lower() not in FORMATS:
        raise PictureError(f"{path}: a picture's name ends in {' or '.join(FORMATS)}")
    return path.suffix.lower().removeprefix(".")


def runs(played: Sequence[Played], form: str) -> bytes:
    """Return the picture of runs, in one of the formats."""
    wide = width(played, INTERVALS)

    def fill(figure: "Figure") -> None:
        waiting, pods, wait = figure.subplots(3, sharex=True)
        names: list[str] = []
        for each, look in zip(series(played, wide), cycle(looks()), strict=False):
            if not each.ready:
                continue
            names.append(each.name)
            line = look.drawn()
            edges = [wide * index for index in range(len(each.ready) + 1)]
            waiting.stairs(each.waiting, edges, baseline=None, **line)
            wait.stairs(each.wait, edges, baseline=None, **line)
            pods.stairs(each.ready, edges, baseline=None, **line)
            pods.stairs(each.most_ready, edges, baseline=each.least_ready, fill=True, color=line["color"], alpha=0.1)
            pods.stairs(each.asked, edges, baseline=None, **line | {"linewidth": 0.7, "alpha": 0.7})
        _title(waiting, f"Messages waiting: the most at once in each {span(wide)}")
        _title(pods, f"Pods ready: mean, fewest and most in each {span(wide)} (thin: asked for)")
        _title(wait, f"Wait in seconds: the longest of the messages that were sent in each {span(wide)}")
        _times(wait, max((each.run.seconds for each in played), default=0.0))
        figure.legend(waiting.patches, names, loc="outside upper left", ncols=4, frameon=False)

    return _rendered(fill, (12, 10), form)


def distribution(played: Sequence[Played], form: str) -> bytes:
    """Return the picture of how many waited how long, in one of the formats."""

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        for each, look in zip(played, cycle(looks()), strict=False):
            waits = tail(each.run)
            axes.plot(waits.seconds, waits.shares, label=each.candidate.name, **look.drawn())
        axes.set(xscale="log", yscale="log", xlabel="wait, in seconds")
        axes.set_title("Share of the messages that waited longer")
        axes.xaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share * 100:g} %")

    return _rendered(fill, (12, 4), form)


def frontier(points: Sequence[FrontierPoint], wait: str, form: str) -> bytes:
    """Return the picture of a frontier, in one of the formats. Points that are no worse than others are joined."""

    def fill(figure: "Figure") -> None:
        axes = figure.subplots()
        ordered = sorted(points, key=lambda each: (each.wait_seconds, each.cost))
        best = [each for each in ordered if not any(beats(other, each) for other in points)]
        axes.plot(
            [each.wait_seconds for each in best], [each.cost for each in best], color=COLOURS[0], drawstyle="steps-post"
        )
        for number, each in enumerate(ordered, 1):
            colour = COLOURS[1] if each.chosen else COLOURS[0] if each in best else COLOURS[4]
            mark: Any = {"marker": "s" if each.chosen else "o", "markersize": 18, "markerfacecolor": "white"}
            name = f"{number}  {each.name}" + (" (chosen)" if each.chosen else "")
            axes.plot([each.wait_seconds], [each.cost], color=colour, linestyle="", label=name, **mark)
            axes.annotate(str(number), (each.wait_seconds, each.cost), ha="center", va="center", color=colour)
        _title(axes, f"Cost against the {wait}: what is joined is beaten by nothing")
        axes.set(xlabel=f"{wait}, in seconds", ylabel="cost", xlim=(0, None))
        axes.margins(0.08)
        if points:
            figure.legend(loc="outside lower left", frameon=False, handlelength=0, markerscale=0)

    return _rendered(fill, (12, 6 + 0.25 * len(points)), form)


def beats(one: FrontierPoint, other: FrontierPoint) -> bool:
    """Return whether a point is better than another, and in nothing worse."""
    mine, theirs = (one.wait_seconds, one.cost), (other.wait_seconds, other.cost)
    return mine != theirs and mine[0] <= theirs[0] and mine[1] <= theirs[1]


def span(seconds: float) -> str:
    """Return a time as people say it: `minute`, `15 minutes`."""
    for unit, length in (("day", DAY_SECONDS), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            return unit if seconds == length else f"{seconds // length:.0f} {unit}s"
    return "second" if seconds == 1 else f"{seconds:g} seconds"


def _rendered(fill: Callable[["Figure"], None], inches: tuple[float, float], form: str) -> bytes:
    import matplotlib as mpl  # noqa: PLC0415 -- half a second of import that only who draws should wait for
    from matplotlib.figure import Figure  # noqa: PLC0415 -- the same

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the reader's font may have what ours has not
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        figure = Figure(figsize=inches, dpi=100, layout="constrained")
        fill(figure)
        file = BytesIO()
        figure.savefig(
            file, format=form, metadata={"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        )
    return file.getvalue()


def looks() -> list[Look]:
    """Return how each line looks in turn, so that even the lines of one colour differ."""
    count = len(COLOURS) * len(DASHES)
    return [Look(each % len(COLOURS), DASHES[each % len(DASHES)]) for each in range(count)]


def _title(axes: "Axes", title: str) -> None:
    axes.set_title(title)
    axes.set_ylim(0, None)


def _times(axes: "Axes", seconds: float) -> None:
    step = next((step for step in TIME_STEPS if seconds / step <= MOST_TIMES), 0)
    step = step or DAY_SECONDS * math.ceil(seconds / MOST_TIMES / DAY_SECONDS)
    places = [step * index for index in range(int(seconds / step) + 1)]
    axes.set_xticks(places, [clock(place, seconds) for place in places])
    axes.set(xlim=(0, seconds or 1), xlabel="time since the start (hours:minutes)")


def clock(seconds: int, total: float) -> str:
    """Return a time since the start as people read it, with days where the total is more than two."""
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    days, hours = divmod(hours, 24) if total > LONG_SECONDS else (None, hours)
    rest = f"{hours}:{minutes:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
    return rest if days is None else f"{days}d" + (f" {rest}" if seconds % DAY_SECONDS else "")
