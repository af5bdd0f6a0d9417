"""Draws a comparison as SVG: both sizes as steps, and the backlog below them. Pure, and without a library.

`qwp compare --picture` writes what it returns. A library that draws would be larger than all commands together.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from xml.sax.saxutils import escape

from queueworkerpool.show.comparison import Comparison, Moment

_WIDTH, _LEFT, _RIGHT = 960, 60, 20
_PLOT = _WIDTH - _LEFT - _RIGHT
_SIZES = (50, 220)
_BACKLOG = (320, 120)
"""The top and the height of each part."""
_HEIGHT = 480
_OURS, _THEIRS, _GREY = "#0969da", "#bc4c00", "#57606a"
_TIMES = 6

Value = Callable[[Moment], int | None]


def picture(comparison: Comparison, title: str) -> str:
    """Return an SVG document."""
    sizes: list[tuple[Value, str]] = [(lambda each: each.theirs, _THEIRS), (lambda each: each.ours, _OURS)]
    backlog: list[tuple[Value, str]] = [(lambda each: each.backlog, _GREY)]
    frame = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, 24, title, "black"),
        _text(_WIDTH - 250, 42, "ours", _OURS),
        _text(_WIDTH - 200, 42, "theirs", _THEIRS),
        *_part(comparison.moments, "pods", sizes, _SIZES),
        *_part(comparison.moments, "messages", backlog, _BACKLOG),
        *_times(comparison.moments),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _part(
    moments: Sequence[Moment], unit: str, values: Sequence[tuple[Value, str]], place: tuple[int, int]
) -> Iterator[str]:
    """Yield one diagram: its frame, its highest value, and a line per kind of value."""
    top, height = place
    highest = max((value(moment) or 0 for moment in moments for value, _ in values), default=0) or 1
    yield f'<rect x="{_LEFT}" y="{top}" width="{_PLOT}" height="{height}" fill="none" stroke="#d0d7de"/>'
    yield _text(_LEFT - 8, top + 10, str(highest), _GREY, anchor="end")
    yield _text(_LEFT - 8, top + height, "0", _GREY, anchor="end")
    yield _text(_LEFT, top - 6, unit, _GREY)
    for value, colour in values:
        path = " ".join(_steps(moments, value, lambda size: top + height - size / highest * height))
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _steps(moments: Sequence[Moment], value: Value, y: Callable[[int], float]) -> Iterator[str]:
    """Yield the moves of a line that keeps each value until the next time, with gaps where none is known."""
    drawing = False
    for index, moment in enumerate(moments):
        size = value(moment)
        if size is None:
            drawing = False
            continue
        left, right = (_x(each, len(moments)) for each in (index, index + 1))
        yield f"{'L' if drawing else 'M'}{left:.1f} {y(size):.1f} L{right:.1f} {y(size):.1f}"
        drawing = True


def _x(index: int, count: int) -> float:
    return _LEFT + _PLOT * index / count


def _times(moments: Sequence[Moment]) -> Iterator[str]:
    every = max(1, len(moments) // _TIMES)
    for index in range(0, len(moments), every):
        yield _text(_x(index, len(moments)), _HEIGHT - 20, _label(moments[index].time), _GREY)


def _label(time: datetime) -> str:
    return f"{time:%d %b %H:%M}Z"


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
