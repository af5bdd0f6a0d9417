"""A queue, and what SQS told of its messages."""

import functools
import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from queueaddress import parse

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_VARIABLE = re.compile(r"[A-Za-z0-9_.-]{1,253}")


class Role(NamedTuple):
    """An AWS role to read a queue by, and for which pool: by its namespace and its uid, which nobody can choose."""

    arn: str
    namespace: str
    uid: str

    @property
    def external_id(self) -> str:
        """What the role's trust policy knows the pool by."""
        return f"{self.namespace}/{self.uid}"


class QueueRef(NamedTuple):
    """An SQS queue: its URL, its region when the pool names one, and the role to read it by (None: the operator's).

    Two that are equal are one queue read by one identity, so that a reading may be shared.
    """

    url: str
    region: str | None = None
    role: Role | None = None

    @property
    def name(self) -> str:
        """The queue's name, as people call it."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def label(self) -> str:
        """The queue as messages name it; what is no name, however long or odd, is not repeated."""
        return f"queue {self.name}" if _NAME.fullmatch(self.name) else "a queue"

    def home(self, default_region: str | None) -> str | None:
        """The region that is asked: the pool's, else the URL's, else the default. Raises queueaddress.AddressError."""
        return parse(self.url).region_for(self.region, default_region)


class QueueVariable(NamedTuple):
    """A queue whose URL stands in an environment variable of the target's pods: `spec.queues[].urlFromEnv`."""

    container: str
    name: str
    region: str | None = None

    @property
    def label(self) -> str:
        """The variable as messages name it; the API server takes any text as a name."""
        container, name = (part if _VARIABLE.fullmatch(part) else "?" for part in (self.container, self.name))
        return f"variable {name} of container {container}"


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
