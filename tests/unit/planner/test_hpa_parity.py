"""The model of the HPA sizes as the real HPA controller did: `python -m testbed.hpa` has recorded it."""

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from queueplanner.policies.hpa import Hpa, Pods, Policy, Rules
from testbed.hpa.recording import Recorded, Row, read
from testbed.hpa.series import (
    FLAG_TOLERANCE,
    FLAG_WINDOW_SECONDS,
    FOR_THE_PLANNER,
    PER_POD,
    SERIES,
    SYNC_SECONDS,
    Series,
)

ALL = SERIES | FOR_THE_PLANNER
RECORDED = read()


def rules(raw: Mapping[str, Any], window_seconds: float) -> Rules:
    """Return one direction of a behavior, as the API server stored it."""
    tolerance = str(raw.get("tolerance", FLAG_TOLERANCE))
    return Rules(
        window_seconds=raw.get("stabilizationWindowSeconds") or window_seconds,
        policies=[Policy(p["value"], p["periodSeconds"], p["type"] == "Percent") for p in raw["policies"]],
        disabled=raw["selectPolicy"] == "Disabled",
        least=raw["selectPolicy"] == "Min",
        tolerance=float(Decimal(tolerance[:-1]) / 1000) if tolerance.endswith("m") else float(tolerance),
    )


def model(series: Series, recorded: Recorded) -> Hpa:
    raw = recorded.behavior
    unset = raw is not None and raw["scaleDown"].get("stabilizationWindowSeconds") is None
    behavior = raw and (
        rules(raw["scaleUp"], 0.0),
        rules(raw["scaleDown"], FLAG_WINDOW_SECONDS if unset else 0.0),
    )
    return Hpa(
        series.least,
        series.most,
        PER_POD,
        behavior or None,
        is_value=series.kind == "Value",
        window_seconds=FLAG_WINDOW_SECONDS,
        tolerance=FLAG_TOLERANCE,
    )


def with_start(series: Series, rows: list[Row]) -> list[Row]:
    """Return the syncs, and before them the one that went to a bound: it reads no metric, and was not recorded."""
    first = rows[0]
    if first.replicas == series.start:
        return rows
    return [Row(first.time - SYNC_SECONDS, first.load, series.start, series.start, 0), *rows]


SLACK = 0.25
"""The HPA reads its clock a little after its metric: on an edge of so many seconds it may go either way."""

MOST_EDGES = 3
"""Of all syncs, those that fall on such an edge."""


def played(name: str) -> tuple[list[int], int]:
    """Return the model's sizes, and how many of them are the controller's only a little earlier or later."""
    hpa, rows = model(ALL[name], RECORDED[name]), with_start(ALL[name], RECORDED[name].rows)
    sizes, edges = [], 0
    for row, after in pairwise(rows):
        pods = Pods(row.replicas, row.there, row.ready)
        tried = [deepcopy(hpa) for _ in range(3)]
        times = (row.time, row.time - SLACK, row.time + SLACK)
        found = [each.sync(time, row.replicas, row.load, pods) for each, time in zip(tried, times, strict=True)]
        chosen = found.index(after.replicas) if after.replicas in found else 0
        hpa = tried[chosen]
        sizes.append(found[chosen])
        edges += chosen > 0
    return sizes, edges


PLAYED = {name: played(name) for name in ALL}


@pytest.mark.parametrize("name", ALL)
def test_the_model_sizes_as_the_controller_did(name: str) -> None:
    sizes, _ = PLAYED[name]
    assert sizes == [row.replicas for row in with_start(ALL[name], RECORDED[name].rows)[1:]]


def test_few_syncs_fall_on_an_edge() -> None:
    assert sum(edges for _, edges in PLAYED.values()) <= MOST_EDGES
