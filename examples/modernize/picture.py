"""Draws the day as each architecture handled it: the jobs that waited, and the nodes. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from docs.svg import svg, text
from examples.modernize.architectures import HOUR, MOST, OUTAGE, Architecture
from queueplanner.simulation import Run

STEP_SECONDS = 300.0
HOURS = 24
LEFT, WIDTH, TOP, ROW = 56, 672, 44, 112
WAITING_HEIGHT, NODES_HEIGHT = 44, 30
HOURS_APART = 6


def picture(runs: Sequence[tuple[Architecture, Run]]) -> str:
    """Draw a row for each architecture."""
    waiting = [list(_waiting(run)) for _, run in runs]
    most = max(map(max, waiting))
    parts = [
        text(20, 26, f"Jobs that wait (orange, up to {most}) and nodes (blue, up to {MOST}), over the day", "title")
    ]
    for row, ((architecture, run), jobs) in enumerate(zip(runs, waiting, strict=True)):
        y = TOP + row * ROW
        parts += _row(y, architecture)
        parts.append(_area(y + 16 + WAITING_HEIGHT, [WAITING_HEIGHT * count / most for count in jobs], "busy"))
        nodes = [NODES_HEIGHT * count / MOST for count in _nodes(run)]
        parts.append(_area(y + 20 + WAITING_HEIGHT + NODES_HEIGHT, nodes, "ours"))
    bottom = TOP + len(runs) * ROW
    parts += [
        text(round(_x(hour * HOUR)), bottom + 6, f"{hour:02}:00", "small", "middle")
        for hour in range(0, HOURS + 1, HOURS_APART)
    ]
    parts.append(text(LEFT, bottom + 26, "Dashed: the primary is down.", "small"))
    return svg(LEFT + WIDTH + 32, bottom + 40, "The same day in five architectures", parts)


def _row(y: int, architecture: Architecture) -> Iterator[str]:
    yield text(LEFT, y + 10, architecture.what, "small")
    yield text(20, y + 10, architecture.letter, "title")
    if architecture.has_primary:
        begun, repaired = map(_x, OUTAGE)
        height = WAITING_HEIGHT + NODES_HEIGHT + 6
        yield f'<rect class="gone" x="{begun:.1f}" y="{y + 15}" width="{repaired - begun:.1f}" height="{height}"/>'


def _area(bottom: int, heights: Sequence[float], kind: str) -> str:
    """Return steps that are filled down to the bottom; what does not change takes no bytes."""
    path = [f"M{LEFT} {bottom}V{bottom - heights[0]:.1f}"]
    for number, (before, height) in enumerate(pairwise(heights), start=1):
        if f"{before:.1f}" != f"{height:.1f}":
            path.append(f"H{_x(number * STEP_SECONDS):.1f}V{bottom - height:.1f}")
    return f'<path class="{kind}" d="{"".join(path)}H{LEFT + WIDTH}V{bottom}z"/>'


def _waiting(run: Run) -> Iterator[int]:
    """Yield how many jobs wait at each step: sent, and not begun."""
    begun = sorted(time for time in run.begun if time == time)  # noqa: PLR0124 -- NaN: never begun
    for time in _times():
        yield bisect_right(run.arrivals, time) - bisect_right(begun, time)


def _nodes(run: Run) -> Iterator[int]:
    for time in _times():
        place = bisect_right(run.sizes.times, time) - 1
        yield run.sizes.ready[place] if place >= 0 else 0


def _times() -> Iterator[float]:
    return (number * STEP_SECONDS for number in range(int(HOURS * HOUR / STEP_SECONDS)))


def _x(time: float) -> float:
    return LEFT + WIDTH * time / (HOURS * HOUR)
