"""The kinds of values that options take: spans of time, distributions of them, shares, prices. Pure but for click."""

import math
import re
from typing import Any

import click

from queueplanner.work import Constant, Draw, Lognormal
from queueworkerpool.model import NamespacedName

DAY_SECONDS = 86_400.0
LONGEST_SECONDS = 366 * DAY_SECONDS
SHORTEST_SECONDS = 0.001
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": DAY_SECONDS, "w": 7 * DAY_SECONDS}
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|[smhdw])")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_WHOLE = re.compile(r"[0-9]{1,10}")
_POOL = re.compile(r"[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*")
MOST_SPREAD = 20.0


class Span(click.ParamType[float]):
    """A span of time in seconds, such as 10s, 5m, 2h or 7d.

    Args:
        zero: Whether none at all is one, too.
        least: The shortest other one, in seconds.
    """

    name = "DURATION"

    def __init__(self, *, zero: bool = True, least: float = SHORTEST_SECONDS) -> None:
        self._zero, self._least = zero, least

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse it; fails for what is none."""
        if isinstance(value, float):
            return value
        found = _SPAN.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r}: write it with its unit, such as 10s, 5m, 2h or 7d", param, ctx)
        seconds = float(found[1]) * _UNITS[found[2]]
        if seconds > LONGEST_SECONDS:
            self.fail(
                f"{value!r} is more than {LONGEST_SECONDS / DAY_SECONDS:g}d, the longest that is played", param, ctx
            )
        if not (seconds or self._zero):
            self.fail(f"{value!r} is nothing: write a time above zero, such as 10s", param, ctx)
        if 0 < seconds < self._least:
            self.fail(f"{value!r} is less than {self._least:g}s, the shortest that is played", param, ctx)
        return seconds


class Times(click.ParamType[Draw]):
    """Times that differ: DURATION for one that is always the same, DURATION~SPREAD for lognormal ones."""

    name = "DURATION[~SPREAD]"

    def __init__(self, *, zero: bool = True) -> None:
        self._span = Span(zero=zero)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Draw:
        """Parse it; fails for what is none."""
        if not isinstance(value, str):
            draw: Draw = value
            return draw
        written, tilde, spread = value.partition("~")
        mean = self._span.convert(written, param, ctx)
        if not tilde:
            return Constant(mean)
        if not _NUMBER.fullmatch(spread) or float(spread) > MOST_SPREAD:
            problem = "after ~ comes the standard deviation over the mean"
            self.fail(f"{value!r}: {problem}, from 0 to {MOST_SPREAD:g}, such as {written}~0.5", param, ctx)
        return Lognormal(mean, float(spread)) if mean and float(spread) else Constant(mean)


class Period(click.ParamType[tuple[float, float]]):
    """From when to when, in seconds from the start: as START+DURATION."""

    name = "START+DURATION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        """Parse it; fails for what is none."""
        if isinstance(value, tuple):
            return value
        start, plus, duration = value.partition("+")
        if not plus:
            self.fail(f"{value!r}: write when it begins and how long it lasts, such as 2h+30m", param, ctx)
        begins = Span().convert(start, param, ctx)
        return begins, begins + Span(zero=False).convert(duration, param, ctx)


class Number(click.ParamType[float]):
    """A number within bounds, both included; never NaN."""

    name = "NUMBER"

    def __init__(self, least: float, most: float, name: str = "NUMBER") -> None:
        self._least, self._most, self.name = least, most, name

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Parse it; fails for what is none, or outside of the bounds."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self._least <= number <= self._most:
            self.fail(f"{value!r}: write a number from {self._least:g} to {self._most:g}", param, ctx)
        return number


class Whole(click.ParamType[int]):
    """A whole number within bounds, both included."""

    name = "N"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse it; fails for what is none, or outside of the bounds."""
        number = int(value) if _WHOLE.fullmatch(str(value)) else -1
        if not self._least <= number <= self._most:
            self.fail(f"{value!r}: write a whole number from {self._least} to {self._most}", param, ctx)
        return number


class PoolName(click.ParamType[NamespacedName]):
    """A pool's namespace and name."""

    name = "NAMESPACE/NAME"

    def convert(self, value: str | NamespacedName, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split it; fails for what is not two names with a slash between them."""
        if isinstance(value, NamespacedName):
            return value
        if not _POOL.fullmatch(value):
            self.fail(f"{value!r}: write it as NAMESPACE/NAME, such as default/thumbnails", param, ctx)
        return NamespacedName(*value.split("/"))


SHARE = Number(0.0, 1.0, "SHARE")
PRICE = Number(0.0, 1e6, "PRICE")
