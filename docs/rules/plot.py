"""Lines, areas and axes over seconds, as parts of an SVG picture. Pure. `pictures` puts them together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from docs.rules.engine import NINE
from docs.svg import text
from queueworkerpool.decide.windows import clock

LEFT, WIDTH = 56, 604
"""Where each plot begins, and how wide it is."""

STYLE = """\
.axis { stroke: #d0d7de; fill: none; }
.limit { stroke: #cf222e; fill: none; stroke-dasharray: 5 3; }
.messages { fill: #8c959f; fill-opacity: .45; }
.ready { fill: #54aeff; fill-opacity: .35; }
.asked { stroke: #0969da; fill: none; stroke-width: 2.5; }
.wanted { stroke: #bc4c00; fill: none; stroke-width: 1.5; }
.before { stroke: #57606a; fill: none; stroke-width: 1.5; stroke-dasharray: 2 3; }
.unknown { fill: #cf222e; fill-opacity: .12; }
.letter { font-size: 11px; font-weight: 600; }
text.asked, text.wanted, text.limit, text.before { font-size: 11px; stroke: none; }
text.asked { fill: #0969da; }
text.wanted { fill: #bc4c00; }
text.limit { fill: #cf222e; }
text.before { fill: #57606a; }
@media (prefers-color-scheme: dark) {
  .axis { stroke: #3d444d; }
  .limit { stroke: #ff7b72; }
  .messages { fill: #9198a1; }
  .asked { stroke: #58a6ff; }
  .wanted { stroke: #f0883e; }
  .before { stroke: #9198a1; }
  .unknown { fill: #ff7b72; fill-opacity: .2; }
  text.asked { fill: #58a6ff; }
  text.wanted { fill: #f0883e; }
  text.limit { fill: #ff7b72; }
  text.before { fill: #9198a1; }
}
"""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot of values over time.

    Args:
        top: Where it begins.
        height: How high it is.
        most: The value at its top.
        seconds: The time, or another measure, at its right end.
        left: Where it begins from the left.
        width: How wide it is.
    """

    top: int
    height: int
    most: float
    seconds: int
    left: int = LEFT
    width: int = WIDTH

    @property
    def bottom(self) -> int:
        """Where its values are zero."""
        return self.top + self.height

    def x(self, second: float) -> float:
        """Return where a time is."""
        return self.left + self.width * second / self.seconds

    def y(self, value: float) -> float:
        """Return where a value is."""
        return self.bottom - self.height * min(value, self.most) / self.most

    def frame(self, unit: str, values: Iterable[int]) -> Iterator[str]:
        """Yield a line for each of these values, with the value, and what is measured above them."""
        yield text(self.left, self.top - 8, unit, "small")
        for value in values:
            y = self.y(value)
            yield f'<path class="axis" d="M{self.left} {y:.1f}h{self.width}"/>'
            yield text(self.left - 8, round(y) + 4, str(value), "small", "end")

    def times(self, every: int) -> Iterator[str]:
        """Yield times of day below it, as messages have them."""
        for second in range(0, self.seconds + 1, every):
            yield text(
                round(self.x(second)), self.bottom + 18, clock(NINE + timedelta(seconds=second)), "small", "middle"
            )

    def line(self, values: Sequence[float | None], kind: str, every: float = 1) -> str:
        """Draw steps: each value holds for so many seconds."""
        return f'<path class="{kind}" d="{self._steps(values, every)}"/>'

    def area(self, values: Sequence[float], kind: str, every: float = 1) -> str:
        """Draw steps that are filled down to zero."""
        path = f"M{self.left} {self.bottom}L{self._steps(values, every)[1:]}V{self.bottom}z"
        return f'<path class="{kind}" d="{path}"/>'

    def at(self, second: float, kind: str = "limit") -> str:
        """Draw a line at a time."""
        return f'<path class="{kind}" d="M{self.x(second):.1f} {self.top}V{self.bottom}"/>'

    def level(self, value: float, kind: str = "limit") -> str:
        """Draw a line at a value."""
        return f'<path class="{kind}" d="M{self.left} {self.y(value):.1f}h{self.width}"/>'

    def span(self, begin: float, end: float, kind: str) -> str:
        """Fill a time."""
        left, right = self.x(begin), self.x(end)
        return f'<rect class="{kind}" x="{left:.1f}" y="{self.top}" width="{right - left:.1f}" height="{self.height}"/>'

    def bar(self, number: int, value: float, height: float, kind: str) -> str:
        """Draw a bar of this height that begins at a value, in the place from `number` to the next one."""
        left, right, top = self.x(number), self.x(number + 1), self.y(value + height)
        sizes = f'width="{right - left - 8:.1f}" height="{self.y(value) - top:.1f}"'
        return f'<rect class="{kind}" x="{left + 4:.1f}" y="{top:.1f}" {sizes}/>'

    def dot(self, number: int, value: float) -> str:
        """Draw a dot in the middle of the place from `number` to the next one."""
        return f'<circle class="theirs" cx="{self.x(number + 0.5):.1f}" cy="{self.y(value):.1f}" r="4"/>'

    def below(self, number: int, words: str) -> str:
        """Write words below the middle of a place; places are counted from one."""
        return text(round(self.x(number - 0.5)), self.bottom + 16, words, "small", "middle")

    def say(self, second: float, value: float, words: str, kind: str = "small", anchor: str = "start") -> str:
        """Write words at a time and a value."""
        return text(round(self.x(second)), round(self.y(value)), words, kind, anchor)

    def _steps(self, values: Sequence[float | None], every: float) -> str:
        """Return the path, with gaps where no value is known; what does not change takes no bytes."""
        path, before = list[str](), None
        for number, value in enumerate(values):
            x = self.x(number * every)
            if before is not None and value != before:
                path.append(f"H{x:.1f}")
            if value is not None and value != before:
                y = self.y(value)
                path.append(f"M{x:.1f} {y:.1f}" if before is None else f"V{y:.1f}")
            before = value
        return "".join([*path, f"H{self.x(min(len(values) * every, self.seconds)):.1f}"])
