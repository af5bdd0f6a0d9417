"""What every load is, and the parameters of those that are made up. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from math import inf, isfinite, nan
from random import Random
from typing import Any, ClassVar, Protocol

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3_600.0
DAY_SECONDS = 86_400.0
WEEK_SECONDS = 7 * DAY_SECONDS

PARAMETER = "parameter"
"""Under which key a dataclass field's metadata holds its `Parameter`."""


class Load(Protocol):
    """What is sent to a queue. Times are seconds from the start of the load."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""

    @property
    def began(self) -> datetime | None:
        """When it began; None: it has no date of its own, and is played from a Monday's midnight on."""

    @property
    def notes(self) -> Sequence[str]:
        """What is not known of it, in sentences: such as gaps of a recording."""

    def times(self, random: Random) -> Sequence[float]:
        """Return when each message is sent, in order."""


class MadeUp(ABC):
    """A load that is made up, which has no date."""

    __slots__ = ()

    began: ClassVar[None] = None
    seconds: float
    notes: Sequence[str]

    @property
    @abstractmethod
    def amounts(self) -> Mapping[str, float]:
        """How much is drawn to make it, about, by the name of what is drawn: messages, phases."""

    @abstractmethod
    def times(self, random: Random) -> Sequence[float]:
        """Return when each message is sent, in order."""


class ShapeError(ValueError):
    """A load cannot be made of what was given; the text names the parameter and the fix."""


class Unit(Enum):
    """What a parameter's number counts."""

    RATE = "messages per second"
    COUNT = "count"
    SECONDS = "seconds"
    MOMENT = "seconds from the start"
    SHARE = "share"


_SUFFIXES = {"s": 1.0, "m": MINUTE_SECONDS, "h": HOUR_SECONDS, "d": DAY_SECONDS, "w": WEEK_SECONDS}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What people can set of a load: what it means, and the values that it may have, both bounds included."""

    default: float
    unit: Unit
    meaning: str
    lowest: float
    highest: float

    def parse(self, text: str) -> float:
        """Return the number that a text means; times may have a suffix (s, m, h, d, w). Raises ShapeError."""
        number = self._number(text.strip())
        if not self.lowest <= number <= self.highest:
            raise ShapeError(f"{text} is not {self._bounds()}")
        if self.unit is not Unit.COUNT:
            return number
        if not number.is_integer():
            raise ShapeError(f"{text} is no whole number")
        return int(number)

    def _number(self, text: str) -> float:
        is_time = self.unit in (Unit.SECONDS, Unit.MOMENT)
        scale = _SUFFIXES.get(text[-1:]) if is_time else None
        try:
            number = float(text[:-1]) * scale if scale else float(text)
        except ValueError:
            number = nan
        if not isfinite(number):
            times = ", such as 90, 90s, 15m, 24h or 7d" if is_time else ""
            raise ShapeError(f"{text!r} is no number ({self.unit.value}{times})")
        return number

    def _bounds(self) -> str:
        return f"{self.lowest:g} or more" if self.highest == inf else f"from {self.lowest:g} to {self.highest:g}"


def parameter(default: float, unit: Unit, meaning: str, lowest: float = 0.0, highest: float = inf) -> Any:
    """Return a dataclass field that people can set."""
    return field(default=default, metadata={PARAMETER: Parameter(default, unit, meaning, lowest, highest)})


def duration(default: float) -> Any:
    """Return the field that says how long a load lasts."""
    return parameter(default, Unit.SECONDS, "how long the load lasts", lowest=1.0)
