"""Prometheus' own JSON: an answer of `query_range` that says how many messages were sent per second. Pure.

A value is of the step that ends at its time, as that of `rate(…[step])`. Where there is none, or it is NaN, nothing is
known.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from queueplanner.recorded import LoadError, Recorded, on_grid, unix_time
from queueplanner.sources.documents import member

_SHOWN_SERIES = 3


def is_prometheus(document: Any) -> bool:
    """Return whether a document is an answer of Prometheus."""
    return isinstance(document, dict) and "status" in document and ("data" in document or "error" in document)


def parse_query_range(document: Mapping[str, Any]) -> Recorded:
    """Return the load that an answer says. Raises LoadError, which names the field."""
    rates = _rates(_series(document))
    times = [time for time, _ in rates]
    if len(times) < 2:  # noqa: PLR2004 -- a distance has two ends
        raise LoadError(f"data.result[0].values: {len(times)} of them: two are needed, to know how long a step is")
    if min(distances := [after - before for before, after in pairwise(times)]) <= 0:
        raise LoadError("data.result[0].values: their times must grow")
    step = min(distances)
    return on_grid({time - step: messages for time, messages in _counted(rates, step)}, step)


def _series(document: Mapping[str, Any]) -> Mapping[str, Any]:
    if document.get("status") != "success":
        raise LoadError(f"status: the answer is an error of Prometheus: {str(document.get('error'))[:300]}")
    data = member(document, "data", dict, "")
    if data.get("resultType") != "matrix":
        raise LoadError(f"data.resultType is {data.get('resultType')!r}: ask for `query_range`, whose is 'matrix'")
    found = member(data, "result", list, "data.")
    if not found:
        raise LoadError("data.result is empty: the query has no series in that time")
    if len(found) > 1:
        shown = "; ".join(_named(each) for each in found[:_SHOWN_SERIES])
        raise LoadError(f"data.result: {len(found)} series ({shown}): ask for one, by `sum(…)` around the query")
    name = str(member(found[0], "metric", dict, "data.result[0].").get("__name__", ""))
    if name.endswith("_total"):
        raise LoadError(f"data.result[0] is the counter {name}: ask for messages per second, `sum(rate({name}[1m]))`")
    return dict(found[0])


def _named(series: Any) -> str:
    labels = series.get("metric", {}) if isinstance(series, dict) else {}
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "without labels"


def _rates(series: Mapping[str, Any]) -> Sequence[tuple[float, float]]:
    """Return the times and values of a series; a value that is not known is NaN."""
    pairs = member(series, "values", list, "data.result[0].")
    return [_pair(pair, f"data.result[0].values[{index}]") for index, pair in enumerate(pairs)]


def _pair(pair: Any, where: str) -> tuple[float, float]:
    try:
        time, value = pair
        found = float(time), float(value)
    except (TypeError, ValueError):
        raise LoadError(f"{where}: {pair!r} is no pair of a time and a value") from None
    unix_time(found[0], where)
    if found[1] < 0:
        raise LoadError(f"{where}: {value} messages per second: fewer than none cannot be sent; is this a rate?")
    return found


def _counted(rates: Sequence[tuple[float, float]], step: float) -> Iterator[tuple[float, int]]:
    """Yield whole messages for each known rate; what is left of one goes to the next, so that their sum is right."""
    total = 0.0
    for time, rate in rates:
        if math.isfinite(rate):
            before, total = round(total), total + rate * step
            yield time, round(total) - before
