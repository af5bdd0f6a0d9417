"""How the chaos bench sees from outside that a trouble is reported: each way, and what must not pass for it."""

import pytest

from testbed.chaos.view import (
    Signal,
    View,
    both,
    condition,
    either,
    gauge,
    grows,
    learned,
    parse_conditions,
    parse_events,
    parse_metrics,
    parse_service_seconds,
    posted,
    posted_again,
    sized,
)

POOL = {
    "metadata": {"name": "jobs"},
    "status": {
        "conditions": [{"type": "Ready", "status": "False", "reason": "QueueNotFound"}],
        "memory": {"workers": {"serviceSeconds": 12.5}},
    },
}
EVENT = {"involvedObject": {"kind": "QueueWorkerPool", "name": "jobs"}, "reason": "QueueNotFound"}
OTHER_EVENT = {"involvedObject": {"kind": "Pod", "name": "jobs"}, "reason": "QueueNotFound"}
METRICS = """
# HELP queueworkerpool_leader 1 in the process that scales.
queueworkerpool_leader 0.0
queueworkerpool_condition{namespace="a",pool="jobs",type="Ready",status="False"} 1.0
queueworkerpool_state_requests_total{outcome="silent"} 2.0
process_open_fds 9.0
"""
CALM = View(
    parse_metrics("queueworkerpool_leader 1.0\n"),
    {("jobs", "Ready"): ("True", "Ready")},
    {},
    {"jobs": 2},
    {"jobs": 5.0},
)
TROUBLED = View(
    parse_metrics(METRICS),
    parse_conditions([POOL]),
    parse_events([EVENT, OTHER_EVENT]),
    {"jobs": 1},
    parse_service_seconds([POOL]),
)
NOT_READY = condition("jobs", "Ready", "False", "QueueNotFound")
NO_LEADER = gauge("leader", lambda value: value == 0)
SIGNALS = {
    "a condition": NOT_READY,
    "an Event": posted("jobs", "QueueNotFound"),
    "one more Event": posted_again("jobs", "QueueNotFound"),
    "a counter": grows("state_requests_total", outcome="silent"),
    "a gauge": NO_LEADER,
    "a size": sized("jobs", 1),
    "a service time": learned("jobs", 8),
    "all": both(NOT_READY, NO_LEADER),
    "any": either(condition("other", "Ready", "False"), NO_LEADER),
}


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=list(SIGNALS))
def test_a_change_signals_and_calm_does_not(signal: Signal) -> None:
    assert signal.reported(CALM, TROUBLED)
    assert not signal.reported(CALM, CALM)
    assert not signal.shows(CALM)


@pytest.mark.parametrize("name", sorted(SIGNALS.keys() - {"an Event"}))
def test_what_was_shown_before_signals_nothing(name: str) -> None:
    assert not SIGNALS[name].reported(TROUBLED, TROUBLED)


@pytest.mark.parametrize("name", ["a condition", "a gauge", "a size", "all", "any"])
def test_what_is_still_shown_is_known(name: str) -> None:
    assert SIGNALS[name].shows(TROUBLED)


@pytest.mark.parametrize(
    "signal",
    [
        condition("jobs", "Ready", "False", "QueueAccessDenied"),
        condition("jobs", "QueueReachable", "False"),
        posted("jobs", "TargetNotFound"),
        grows("state_requests_total", outcome="refused"),
        sized("jobs", 3),
        learned("jobs", 20),
        both(NOT_READY, sized("jobs", 3)),
    ],
)
def test_another_trouble_signals_nothing(signal: Signal) -> None:
    assert not signal.reported(CALM, TROUBLED)


def test_a_condition_without_its_series_signals_nothing() -> None:
    """No alert would fire."""
    unseen = View(CALM.series, TROUBLED.conditions)
    assert not NOT_READY.reported(CALM, unseen)
