"""CloudWatch's own JSON: how many messages were sent to a queue in each period, `NumberOfMessagesSent`. Pure.

`aws cloudwatch get-metric-statistics` and `get-metric-data` print it; `aws` fetches the latter's. Points may be in any
order, and pages may follow each other.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from queueplanner.recorded import LoadError, Recorded, on_grid, unix_time
from queueplanner.sources.documents import member

METRIC = "NumberOfMessagesSent"
_METRICS_OF_SQS = ("NumberOf", "ApproximateNumberOf", "ApproximateAgeOf", "SentMessageSize")

Points = dict[float, int]
"""Messages by the beginning of their period, in seconds since 1970."""


def is_cloudwatch(document: Any) -> bool:
    """Return whether a document is an answer of CloudWatch."""
    return isinstance(document, dict) and ("Datapoints" in document or "MetricDataResults" in document)


def parse_cloudwatch(pages: Sequence[Mapping[str, Any]], period_seconds: float | None = None) -> Recorded:
    """Return the load that answers of CloudWatch say.

    Args:
        pages: The answers.
        period_seconds: How long a period is; None: as long as the shortest distance of two points.

    Raises:
        LoadError: it is none; the text names the field.
    """
    points: Points = {}
    for number, page in enumerate(pages, start=1):
        path = f"page {number}: " if len(pages) > 1 else ""
        for where, time, messages in _points(page, path):
            if points.setdefault(time, messages) != messages:
                raise LoadError(f"{where}: {messages} messages, where another point of that time has {points[time]}")
    _check_names(pages)
    return on_grid(points, period_seconds or _period(sorted(points)))


def _points(page: Mapping[str, Any], path: str) -> Iterator[tuple[str, float, int]]:
    """Yield where each point is, its time, and its messages."""
    if "Datapoints" in page:
        for index, point in enumerate(member(page, "Datapoints", list, path)):
            where = f"{path}Datapoints[{index}]"
            yield where, _time(point, "Timestamp", where), _sum(point, where)
        return
    for index, result in enumerate(member(page, "MetricDataResults", list, path)):
        where = f"{path}MetricDataResults[{index}]."
        times, values = (member(result, name, list, where) for name in ("Timestamps", "Values"))
        if len(times) != len(values):
            raise LoadError(f"{where}Values: {len(values)} of them, and {len(times)} Timestamps")
        for number, (time, value) in enumerate(zip(times, values, strict=True)):
            at, here = f"{where}Timestamps[{number}]", f"{where}Values[{number}]"
            yield here, _moment(time, at), _messages(value, here)


def _time(point: Any, name: str, where: str) -> float:
    if not isinstance(point, dict) or name not in point:
        raise LoadError(f"{where}.{name} is missing")
    return _moment(point[name], f"{where}.{name}")


def _sum(point: Mapping[str, Any], where: str) -> int:
    if "Sum" not in point:
        raise LoadError(f"{where}.Sum is missing: ask for it with `--statistics Sum`")
    if point.get("Unit", "Count") not in {"Count", "None"}:
        raise LoadError(f"{where}.Unit is {point['Unit']!r}, and messages are counted in Count: is this {METRIC}?")
    return _messages(point["Sum"], f"{where}.Sum")


def _moment(raw: Any, where: str) -> float:
    if isinstance(raw, datetime):
        return raw.timestamp()
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return unix_time(raw, where)
    try:
        moment = datetime.fromisoformat(raw)
    except (TypeError, ValueError):
        raise LoadError(f"{where}: {raw!r} is neither ISO 8601 nor seconds since 1970") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _messages(raw: Any, where: str) -> int:
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    if not (is_number and math.isfinite(raw) and raw >= 0 and float(raw).is_integer()):
        raise LoadError(f"{where}: {raw!r} is no count of messages: is this the Sum of {METRIC}?")
    return int(raw)


def _check_names(pages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse several series, of which nobody knows whether they are queues of one pool, and other metrics of SQS."""
    results = [result for page in pages for result in page.get("MetricDataResults", ())]
    series = sorted({str(result.get("Id", "")) for result in results})
    if len(series) > 1:
        raise LoadError(f"{len(series)} series ({', '.join(series)}): give one, such as the sum (`SUM(METRICS())`)")
    if any(result.get("StatusCode") == "InternalError" for result in results):
        raise LoadError("MetricDataResults: StatusCode is InternalError, so points are missing: ask again")
    for label in (str(each.get("Label", "")) for each in (*pages, *results)):
        words = label.split()
        if METRIC not in words and any(word.startswith(_METRICS_OF_SQS) for word in words):
            raise LoadError(f"Label is {label!r}: what is sent is {METRIC}")


def _period(times: Sequence[float]) -> float:
    if len(times) < 2:  # noqa: PLR2004 -- a distance has two ends
        raise LoadError(f"{len(times)} points: two are needed, to know how long a period is")
    shortest = min(after - before for before, after in pairwise(times))
    for before, after in pairwise(times):
        if not math.isclose((after - before) / shortest, round((after - before) / shortest), abs_tol=1e-6):
            between = " and ".join(str(datetime.fromtimestamp(time, UTC)) for time in (before, after))
            raise LoadError(f"points of different periods: {between} are no multiple of {shortest:g} s apart")
    return shortest
