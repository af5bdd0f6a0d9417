"""A queue, and what SQS told of its messages."""

import functools
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class QueueRef(NamedTuple):
    """An SQS queue: its URL, and its region when the pool names one."""

    url: str
    region: str | None = None

    @property
    def name(self) -> str:
        """The queue's name, as people call it."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class QueueReading:
    """Message counts of one queue, or the sum over several, and when they were read (the oldest of several)."""

    visible: int
    in_flight: int
    delayed: int
    time: datetime

    def __add__(self, other: "QueueReading") -> "QueueReading":
        return QueueReading(
            self.visible + other.visible,
            self.in_flight + other.in_flight,
            self.delayed + other.delayed,
            min(self.time, other.time),
        )


def total(readings: Iterable[QueueReading | object | None]) -> QueueReading | None:
    """The sum of the readings among these; None when there is none."""
    known = [reading for reading in readings if isinstance(reading, QueueReading)]
    return functools.reduce(operator.add, known) if known else None
