"""How long handlers took, from a file: what a worker's /metrics says, or a CSV of counts. Pure.

`qwp simulate --service-histogram` calls it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from math import inf, isfinite

from queueplanner.recorded import LoadError, number_of, rows_of
from queueplanner.sources.histograms import Histogram, parse_buckets

METRIC = "queueworker_handler_duration_seconds"
COLUMNS = ("seconds", "count")
_SAMPLE = re.compile(METRIC + r"_(bucket|sum|count)(?:\{([^}]*)\})? (\S+)")
_BOUND = re.compile(r'le="([^"]*)"')


def parse_service_times(text: str) -> Histogram:
    """Parse the lines of `METRIC`, or a CSV with the columns `seconds` (up to) and `count` (of those, and above the row
    before). Raises LoadError.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if any(line.startswith(METRIC) for line in lines):
        return _of_metrics(lines)
    return _of_csv(text)


def _of_metrics(lines: list[str]) -> Histogram:
    """Sum the buckets of all workers in the text."""
    buckets: dict[float, float] = {}
    seconds = 0.0
    for number, line in enumerate(lines, start=1):
        if (found := _SAMPLE.match(line)) is None:
            continue
        value = _number(found[3], number, METRIC)
        if found[1] == "sum":
            seconds += value
        elif found[1] == "bucket":
            named = _BOUND.search(found[2] or "")
            if named is None:
                raise LoadError(f"line {number}: a bucket has no label le: give the text of /metrics as it is")
            bound = inf if named[1] == "+Inf" else _number(named[1], number, "le")
            buckets[bound] = buckets.get(bound, 0.0) + value
    return _made(buckets, seconds)


def _of_csv(text: str) -> Histogram:
    remedy = f"give a CSV with {' and '.join(COLUMNS)}, or what a worker's /metrics says"
    counts = dict(_counts(rows_of(text, COLUMNS, remedy)))
    bounds = sorted(counts)
    return _made(dict(zip(bounds, accumulate(counts[bound] for bound in bounds), strict=True)), None)


def _counts(rows: Iterable[tuple[int, Mapping[str, str]]]) -> Iterator[tuple[float, float]]:
    before = 0.0
    for line, row in rows:
        bound = _cell(row, "seconds", line)
        if bound <= before:
            raise LoadError(f"row {line}, column seconds: it is not above the row before: sort the rows")
        before = bound
        yield bound, _cell(row, "count", line)


def _cell(row: Mapping[str, str], column: str, line: int) -> float:
    text = (row[column] or "").strip()
    if column == "seconds" and text.lower() in ("inf", "+inf"):
        return inf
    return _number(text, line, column)


def _number(text: str, line: int, name: str) -> float:
    value = number_of(text)
    if value is None or not (isfinite(value) and value >= 0):
        raise LoadError(f"line {line}, {name}: {text!r} is no number of 0 or more")
    return value


def _made(buckets: Mapping[float, float], seconds: float | None) -> Histogram:
    whole = dict(buckets) if inf in buckets else {**buckets, inf: max(buckets.values(), default=0.0)}
    labelled = [({"le": str(bound)}, value) for bound, value in whole.items()]
    found = parse_buckets(labelled, seconds or None)
    if found is None:
        raise LoadError("there is no time in it: take it after messages were handled")
    return found
