"""Asks a Prometheus server for the past. `qwp compare` and the planner call it; the operator itself never does.

The only adapter to Prometheus' HTTP API. It decides nothing; what is not in the answer is absent, never zero.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from queueworkerpool.errors import PrometheusError

TIMEOUT_SECONDS = 30.0
LONGEST_REASON = 300

Series = Mapping[datetime, float]
"""Finite values by the times of a grid; a time without one is not in it."""

Vector = Sequence[tuple[Mapping[str, str], float]]
"""The labels of series, and a value of each."""


class Prometheus:
    """A Prometheus server, or what answers as one does."""

    def __init__(self, url: str) -> None:
        """Take the server's address, such as http://127.0.0.1:9090; sends nothing. Raises PrometheusError."""
        if not _is_address(url):
            raise PrometheusError(f"{url!r} is no address of a Prometheus server: write http://HOST:PORT")
        self._url = url.rstrip("/")
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def range(self, query: str, start: datetime, end: datetime, step: timedelta) -> Series:
        """Return the values of a query that has one series at most, at the times of a grid. Raises PrometheusError."""
        grid = {"start": start.timestamp(), "end": end.timestamp(), "step": step.total_seconds()}
        return _values(self._ask("query_range", {"query": query, **grid}))

    def at(self, query: str, time: datetime) -> Vector:
        """Return the finite values that the series of a query have at one time. Raises PrometheusError."""
        found = self._ask("query", {"query": query, "time": time.timestamp()}).get("result", ())
        values = ((each["metric"], float(each["value"][1])) for each in found)
        return [(labels, value) for labels, value in values if isfinite(value)]

    def _ask(self, path: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            answer = self._http.request("GET", f"{self._url}/api/v1/{path}?{urlencode(parameters)}")
        except (HTTPError, LocationValueError, OSError) as error:
            remedy = "check the address; from outside of the cluster, `kubectl port-forward` makes a server reachable"
            raise PrometheusError(f"{self._url} does not answer ({type(error).__name__}): {remedy}") from error
        return _decoded(answer.data, f"{self._url}, status {answer.status}")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket of IPv6 alone
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _decoded(content: bytes, about: str) -> Mapping[str, Any]:
    """Return the data of an answer."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict) or "status" not in document:
        raise PrometheusError(f"{about}: this is no answer of a Prometheus server; check the address")
    if document["status"] != "success":
        raise PrometheusError(f"{about}: {str(document.get('error'))[:LONGEST_REASON]}")
    if not isinstance(data := document.get("data"), dict):
        raise PrometheusError(f"{about}: this is no answer of a Prometheus server; check the address")
    return data


def _values(data: Mapping[str, Any]) -> Series:
    found = data.get("result", ())
    if len(found) > 1:
        raise PrometheusError(f"{len(found)} series where one is expected")
    pairs = found[0]["values"] if found else ()
    values = {datetime.fromtimestamp(time, UTC): float(value) for time, value in pairs}
    return {time: value for time, value in values.items() if isfinite(value)}
