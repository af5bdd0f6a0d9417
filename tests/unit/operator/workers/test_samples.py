"""A sample: the differences between two reports of the workers."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.model import Pod, Sample, WorkerState
from queueworkerpool.workers.sampler import summed
from tests.unit.operator.builders import NOW


def pod(name: str, **differs: Any) -> Pod:
    return replace(Pod(name=name, uid=f"uid-{name}", ready=True, startup_seconds=10.0), **differs)


def state(finished: int = 0, busy_seconds: float = 0.0, concurrency: int = 4) -> WorkerState:
    return WorkerState(busy=0, concurrency=concurrency, finished=finished, busy_seconds=busy_seconds)


A, B = "uid-a", "uid-b"
PODS = [pod("a"), pod("b", startup_seconds=30.0), pod("c", startup_seconds=None)]

SUMS: dict[str, tuple[dict[str, WorkerState], dict[str, WorkerState], Sample]] = {
    "no report": ({}, {}, Sample(NOW, startup_seconds=20)),
    "no report any more": ({A: state(5, 9)}, {}, Sample(NOW, startup_seconds=20)),
    "the first reports: sums since the workers' starts": (
        {},
        {A: state(10, 20), B: state(5, 5)},
        Sample(NOW, 25, 15, 4, 20),
    ),
    "a second report: what was done since the first": (
        {A: state(10, 20), B: state(5, 5)},
        {A: state(12, 25), B: state(5, 6.5)},
        Sample(NOW, 6.5, 2, 4, 20, last_handled=NOW),
    ),
    "busy, but nothing finished: not known to have handled anything": (
        {A: state(10, 20)},
        {A: state(10, 25)},
        Sample(NOW, 5, 0, 4, 20),
    ),
    "nothing done": ({A: state(10, 20)}, {A: state(10, 20)}, Sample(NOW, 0, 0, 4, 20)),
    "a restarted worker counts from zero": (
        {A: state(100, 200)},
        {A: state(3, 6)},
        Sample(NOW, 6, 3, 4, 20, last_handled=NOW),
    ),
    "a restart shows in either sum": ({A: state(3, 200)}, {A: state(3, 6)}, Sample(NOW, 6, 3, 4, 20, last_handled=NOW)),
    "a worker's first report does not count": (
        {A: state(10, 20)},
        {A: state(11, 22), B: state(1000, 9000)},
        Sample(NOW, 2, 1, 4, 20, last_handled=NOW),
    ),
    "a worker's first report is no message handled": (
        {A: state(10, 20)},
        {B: state(1000, 9000)},
        Sample(NOW, 0, 0, 4, 20),
    ),
    "concurrency: the median": (
        {},
        {A: state(concurrency=1), B: state(concurrency=2), "uid-c": state(concurrency=9)},
        Sample(NOW, 0, 0, 2, 20),
    ),
}


@pytest.mark.parametrize(("before", "after", "sample"), SUMS.values(), ids=SUMS)
def test_summed(before: dict[str, WorkerState], after: dict[str, WorkerState], sample: Sample) -> None:
    assert summed(before, after, PODS, NOW) == sample


def test_without_pods_a_sample_is_empty() -> None:
    assert summed({}, {}, [], NOW) == Sample(time=NOW)
