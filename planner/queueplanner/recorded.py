"""Loads that were recorded: how many messages were sent in each interval, as CSV. Pure.

What is missing is told and stays missing: nothing is filled in silently.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from statistics import median

COLUMNS = ("time", "messages")
MOST_MESSAGES = 20_000_000
GAP = 1.5
"""An interval so many times longer than usual is a gap."""


class LoadError(ValueError):
    """A recorded load cannot be read; the text names row and column, and the fix."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Messages that were sent from a time on, for some seconds. Times are seconds from the first."""

    line: int
    start: float
    seconds: float
    messages: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded load; `notes` are its gaps, in sentences."""

    intervals: Sequence[Interval]
    notes: Sequence[str]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.intervals[-1].start + self.intervals[-1].seconds

    def times(self, random: Random) -> list[float]:
        """Return times of single messages: of an interval nobody knows them, so they are drawn evenly."""
        return [time for each in self.intervals for time in _drawn(each, random)]


def _drawn(interval: Interval, random: Random) -> list[float]:
    return sorted(interval.start + random.random() * interval.seconds for _ in range(interval.messages))


def parse_csv(text: str) -> Recorded:
    """Parse a CSV with the columns `time` (seconds, or ISO 8601) and `messages` (sent from then until the next row).

    Raises LoadError.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise LoadError(f"row 1: there is no column {missing[0]!r}: the first row must name {' and '.join(COLUMNS)}")
    found = [(rows.line_num, _time(row, rows.line_num), _messages(row, rows.line_num)) for row in rows]
    if len(found) < 2:  # noqa: PLR2004 -- the last of two rows is as long as the one before
        raise LoadError(f"{len(found)} rows of a load: two are needed, to know how long one lasts")
    if sum(messages for _, _, messages in found) > MOST_MESSAGES:
        raise LoadError(f"more than {MOST_MESSAGES:,} messages: give a part of the load")
    intervals = tuple(_intervals(found))
    return Recorded(intervals, tuple(_gaps(intervals)))


def _time(row: dict[str, str], line: int) -> float:
    text = (row["time"] or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise LoadError(f"row {line}, column time: {text!r} is neither seconds nor ISO 8601") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise LoadError(f"row {line}, column time: {text!r} is no time")
    return seconds


def _messages(row: dict[str, str], line: int) -> int:
    text = (row["messages"] or "").strip()
    try:
        number = float(text)
    except ValueError:
        raise LoadError(f"row {line}, column messages: {text!r} is no number") from None
    if not (number >= 0 and number.is_integer()):
        raise LoadError(f"row {line}, column messages: {text} is no count of messages")
    return int(number)


def _intervals(rows: Sequence[tuple[int, float, int]]) -> Iterator[Interval]:
    begun = rows[0][1]
    lengths = [after[1] - row[1] for row, after in pairwise(rows)]
    for (line, time, messages), seconds in zip(rows, [*lengths, lengths[-1]], strict=True):
        if seconds <= 0:
            raise LoadError(f"row {line + 1}, column time: it is not later than the row before: sort the rows by time")
        yield Interval(line, time - begun, seconds, messages)


def _gaps(intervals: Sequence[Interval]) -> Iterator[str]:
    usual = median(each.seconds for each in intervals)
    for each in intervals:
        if each.seconds > GAP * usual:
            yield (
                f"after row {each.line} there is nothing for {each.seconds:g} s, where rows are {usual:g} s apart:"
                " its messages are taken as sent over all of that time"
            )
