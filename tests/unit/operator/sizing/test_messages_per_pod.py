"""Sizing by messages per pod, through the interface that every rule has."""

import pytest

from queueworkerpool.names import Reason
from queueworkerpool.sizing import AtReading, MessagesPerPod, Recommendation, SizingRule, WorkerEstimates
from tests.unit.operator.builders import SPEC

UNKNOWN = WorkerEstimates()
TARGET: SizingRule = MessagesPerPod(5)
AT = AtReading(0, 5)


@pytest.mark.parametrize(("load", "pods"), [(0, 0), (1, 1), (5, 1), (6, 2), (50, 10), (10**9, 2 * 10**8)])
def test_it_recommends_the_load_divided_by_the_target_rounded_up(load: int, pods: int) -> None:
    message = f"{load} messages / 5 per pod = {pods} pods"
    assert TARGET.recommend(load, UNKNOWN, AT) == Recommendation(pods, Reason.SIZED_BY_BACKLOG, message)


def test_it_recommends_the_same_whatever_was_measured() -> None:
    assert TARGET.recommend(50, WorkerEstimates(9.0, 8.0, 70.0), AtReading(10, 60)) == TARGET.recommend(50, UNKNOWN, AT)


@pytest.mark.parametrize(("load", "replicas", "ratio"), [(50, 10, 1.0), (55, 10, 1.1), (0, 10, 0.0), (12, 2, 1.2)])
def test_the_ratio_is_the_load_over_what_the_pods_should_have(load: int, replicas: int, ratio: float) -> None:
    assert TARGET.ratio(load, replicas, UNKNOWN, AT) == pytest.approx(ratio)


def test_it_can_always_be_kept_and_contradicts_no_other_setting() -> None:
    assert TARGET.shortfall(WorkerEstimates(startup_seconds=9999.0)) is None
    assert list(TARGET.warnings(SPEC)) == []
    assert (TARGET.declared_service_seconds, TARGET.learns_service_time) == (None, False)


def test_workers_that_can_never_be_full_are_a_warning() -> None:
    problem = "5 is below the concurrency of the workers in Deployment thumbnailer, 6, so they are never full"
    assert list(TARGET.worker_warnings(6, "Deployment thumbnailer")) == [
        ("spec.target.messagesPerPod", f"{problem}: raise it to 6 or more")
    ]
    assert list(TARGET.worker_warnings(5, "Deployment thumbnailer")) == []


def test_a_gauge_shows_the_target() -> None:
    assert TARGET.gauge_values() == {"target_messages_per_pod": 5}
