"""Loads that were recorded: how many messages were sent in each interval, as CSV or on a grid of times. Pure.

`sources` reads other formats. What is missing is told and stays missing: nothing is filled in silently.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, zip_longest
from random import Random
from statistics import median

COLUMNS = ("time", "messages")
MOST_MESSAGES = 1_000_000_000
UNIX_TIMES = 1e9
"""Seconds from here on are taken as counted since 1970: this is in 2001."""
MILLISECONDS = 1e11
"""Times from here on are none in seconds: this would be in the year 5138."""
MOST_HOLES_TOLD = 5
MOST_SHOWN = 40
"""Characters of a cell that a sentence shows."""
UNKNOWN_SHARE = 0.01
"""What is missing at an end of a recording is told from such a share of it on."""
GAP = 1.5
"""An interval so many times longer than usual is a gap."""
_NO_ZONE = "times without a zone were taken as UTC: write it where it is another, such as 2026-11-23T09:00+01:00"


class LoadError(ValueError):
    """A recorded load cannot be read; the text names row and column, and the fix."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Messages that were sent from a time on, for some seconds. Times are seconds from the first.

    `line`: of the file that says so; 0 when there is none.
    """

    line: int
    start: float
    seconds: float
    messages: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded load.

    Args:
        intervals: In order; between them there may be times of which nothing is known, and then nothing is sent.
        notes: Its gaps, in sentences.
        began: When it began, for schedules; None: the recording does not say.
    """

    intervals: Sequence[Interval]
    notes: Sequence[str]
    began: datetime | None = None

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
    rows = list(rows_of(text, COLUMNS, f"the first row must name {' and '.join(COLUMNS)}"))
    times = [_time(row, line) for line, row in rows]
    _check_alike(rows, [time for time, _ in times])
    found = [(line, time, _messages(row, line)) for (line, row), (time, _) in zip(rows, times, strict=True)]
    if len(found) < 2:  # noqa: PLR2004 -- the last of two rows is as long as the one before
        raise LoadError(f"{len(found)} rows of a load: two are needed, to know how long one lasts")
    intervals = tuple(_intervals(found))
    notes = (*_gaps(intervals), *([] if all(has_zone for _, has_zone in times) else [_NO_ZONE]))
    return _affordable(Recorded(intervals, notes, _calendar_time(found[0][1])))


def rows_of(text: str, columns: Sequence[str], remedy: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV by the names of their columns, each with the number of its line.

    Args:
        text: The CSV, with commas, semicolons or tabs.
        columns: What its first row must name.
        remedy: What to do where it does not.

    Raises:
        LoadError: it is none.
    """
    head = text.partition("\n")[0]
    separator = next((each for each in ",;\t" if each in head), ",")
    lines = io.StringIO(text.removeprefix("\ufeff"), newline=None)
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    try:
        names = [name.strip().lower() for name in next(rows, ())]
        _check_columns(names, columns, remedy)
        for row in filter(None, rows):
            _check_width(row, names, separator, rows.line_num)
            yield rows.line_num, dict(zip_longest(names, row[: len(names)], fillvalue=""))
    except csv.Error as error:
        raise LoadError(f"row {rows.line_num}: this is no CSV: {error}") from None


def _check_columns(names: Sequence[str], columns: Sequence[str], remedy: str) -> None:
    for column in columns:
        if column not in names:
            raise LoadError(f"row 1: there is no column {column!r}: {remedy}")
        if names.count(column) > 1:
            raise LoadError(f"row 1: column {column!r} is there twice: leave one out")


def _check_width(row: Sequence[str], names: Sequence[str], separator: str, line: int) -> None:
    """Refuse cells beyond the columns, unless they are empty: a number with a comma in it would become two."""
    if any(row[len(names) :]):
        remedy = (
            "write numbers without commas, and quote texts that have some"
            if separator == ","
            else "quote cells that contain it"
        )
        raise LoadError(
            f"row {line}: it has {len(row)} cells, and the first row names {len(names)}: they are separated by"
            f" {separator!r}: {remedy}"
        )


def on_grid(messages: Mapping[float, int], seconds: float) -> Recorded:
    """Return the load of which it is known how many messages were sent in some of a grid's steps.

    Args:
        messages: By the beginning of a step, in seconds since 1970.
        seconds: How long a step is.

    Raises:
        LoadError: there are none, or too many.
    """
    if not messages:
        raise LoadError("there is no time of which it is known how many messages were sent")
    times = sorted(messages)
    intervals = tuple(Interval(0, time - times[0], seconds, messages[time]) for time in times)
    return _affordable(Recorded(intervals, tuple(_holes(times, seconds)), _calendar_time(times[0])))


def _holes(times: Sequence[float], seconds: float) -> Iterator[str]:
    """Yield a sentence for each hole, or for many of them one."""
    holes = [(before + seconds, after) for before, after in pairwise(times) if after - before > GAP * seconds]
    if len(holes) > MOST_HOLES_TOLD:
        total, longest = sum(end - begin for begin, end in holes), max(holes, key=lambda hole: hole[1] - hole[0])
        yield f"{len(holes)} times nothing is known, for {total:g} s together; the longest is {_hole(longest)}"
        return
    for hole in holes:
        yield f"nothing is known {_hole(hole)}"


def told_at_its_ends(load: Recorded, start: datetime, end: datetime) -> Recorded:
    """Return a load with a sentence for what was asked for, before it and after it, and of which nothing is known."""
    if load.began is None:
        return load
    least = max(GAP * max(each.seconds for each in load.intervals), UNKNOWN_SHARE * (end - start).total_seconds())
    over = load.began + timedelta(seconds=load.seconds)
    holes = (("before it begins", start, load.began), ("after it ends", over, end))
    notes = [
        f"nothing is known {where}, from {begun:%Y-%m-%d %H:%M} to {known:%Y-%m-%d %H:%M} (UTC): that is not played"
        for where, begun, known in holes
        if (known - begun).total_seconds() > least
    ]
    return replace(load, notes=(*load.notes, *notes))


def _hole(hole: tuple[float, float]) -> str:
    begin, end = (f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}" for time in hole)
    return f"from {begin} to {end} (UTC), for {hole[1] - hole[0]:g} s: no messages are sent then"


def _affordable(load: Recorded) -> Recorded:
    if sum(each.messages for each in load.intervals) > MOST_MESSAGES:
        raise LoadError(f"more than {MOST_MESSAGES:,} messages: give a part of the load")
    return load


def _calendar_time(seconds: float) -> datetime | None:
    """Return the moment that a time is, unless it only counts from some beginning."""
    return datetime.fromtimestamp(seconds, UTC) if seconds >= UNIX_TIMES else None


def unix_time(seconds: float, where: str) -> float:
    """Return a time that is counted since 1970. Raises LoadError for one that cannot be; `where` says where it is."""
    if not 0 <= seconds < MILLISECONDS:
        raise LoadError(f"{where}: {seconds:.15g} is no time: give seconds since 1970, not milliseconds")
    return float(seconds)


def _time(row: dict[str, str], line: int) -> tuple[float, bool]:
    """Return a row's time in seconds, and whether it says of which zone it is, or needs none."""
    text = row["time"].strip()
    if (seconds := number_of(text)) is None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise LoadError(f"row {line}, column time: {_shown(text)} is neither seconds nor ISO 8601") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), moment.tzinfo is not None
    if not math.isfinite(seconds):
        raise LoadError(f"row {line}, column time: {_shown(text)} is no time")
    if seconds >= MILLISECONDS:
        raise LoadError(
            f"row {line}, column time: {seconds:.15g} is no time: give seconds since 1970, not milliseconds"
        )
    return seconds, True


def _check_alike(rows: Sequence[tuple[int, Mapping[str, str]]], times: Sequence[float]) -> None:
    """Refuse times of which some are dates and some count from a beginning of their own."""
    for (line, row), time in zip(rows, times, strict=True):
        if (time >= UNIX_TIMES) == (times[0] >= UNIX_TIMES):
            continue
        first_line, first = rows[0]
        is_date, was_date = ("a date", "none") if time >= UNIX_TIMES else ("no date", "one")
        raise LoadError(
            f"row {line}, column time: {_shown(row['time'])} is {is_date}, and {_shown(first['time'])} in row"
            f" {first_line} is {was_date}: write all of them alike"
        )


def _messages(row: dict[str, str], line: int) -> int:
    text = row["messages"].strip()
    if (number := number_of(text)) is None:
        raise LoadError(f"row {line}, column messages: {_shown(text)} is no number")
    if not (number >= 0 and number.is_integer()):
        raise LoadError(f"row {line}, column messages: {_shown(text)} is no count of messages")
    return int(number)


def number_of(text: str) -> float | None:
    """Return the number that a text is; None for those that only Python takes for one, too."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _shown(text: str) -> str:
    """Return a cell as a sentence shows it."""
    return repr(text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…")


def _intervals(rows: Sequence[tuple[int, float, int]]) -> Iterator[Interval]:
    begun = rows[0][1]
    lengths = [after[1] - row[1] for row, after in pairwise(rows)]
    for (line, _, _), seconds in zip(rows[1:], lengths, strict=True):
        if seconds <= 0:
            remedy = "sort the rows by time, and give times their zone where clocks go back"
            raise LoadError(f"row {line}, column time: it is not later than the row before: {remedy}")
    for (line, time, messages), seconds in zip(rows, [*lengths, lengths[-1]], strict=True):
        yield Interval(line, time - begun, seconds, messages)


def _gaps(intervals: Sequence[Interval]) -> Iterator[str]:
    """Yield a sentence for each gap between rows, or for many of them one."""
    usual = median(each.seconds for each in intervals)
    gaps = [each for each in intervals if each.seconds > GAP * usual]
    told = gaps if len(gaps) <= MOST_HOLES_TOLD else [max(gaps, key=lambda each: each.seconds)]
    if told != gaps:
        yield f"{len(gaps)} rows are further apart than others, which are {usual:g} s apart; the longest:"
    for each in told:
        yield (
            f"after row {each.line} there is nothing for {each.seconds:g} s, where rows are {usual:g} s apart:"
            " its messages are taken as sent over all of that time"
        )
