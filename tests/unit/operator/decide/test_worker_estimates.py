"""What a decision learns about the workers, from samples and from what pods report before a scale-in."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.decide import decide
from queueworkerpool.model import Memory, Mode, Sample
from queueworkerpool.sizing import WorkerEstimates
from tests.unit.operator.builders import NOW, ago, facts, pods, reading
from tests.unit.operator.decide.rows import LATENCY, REPORTING, measured

AT_ZERO: dict[str, Any] = {"target": LATENCY, "replicas": 0, "reading": reading(0)}


def doubted(changes: int, **memory: Any) -> Memory:
    return measured(workers=WorkerEstimates(2, 4, 20, startup_changes=changes), **memory)


def slowed(**memory: Any) -> Memory:
    return measured(workers=WorkerEstimates(6, 4, 20, 200, service_before=2), **memory)


ROWS: dict[str, tuple[dict[str, Any], Memory]] = {
    "a mean that has changed is taken with the one before": (
        AT_ZERO | {"sample": Sample(NOW, 6, 200, service_before=2.0004), "memory": measured()},
        measured(workers=WorkerEstimates(6, 4, 20, 200, service_before=2), empty_since=NOW),
    ),
    "the one before stays while nothing is new": (
        AT_ZERO | {"sample": Sample(NOW, 6, 201, service_before=2.0004), "memory": slowed()},
        slowed(empty_since=NOW),
    ),
    "the one before is forgotten when enough was handled since": (
        AT_ZERO | {"sample": Sample(NOW, 6, 201), "memory": slowed()},
        measured(workers=WorkerEstimates(6, 4, 20, 201), empty_since=NOW),
    ),
    "a first measurement is taken as it is": (
        {"target": LATENCY, "sample": Sample(NOW, 3.0004, 10.4, 4, 12), "memory": Memory()},
        Memory(workers=WorkerEstimates(3, 4, 12, 10)),
    ),
    "a longer start-up counts by a tenth": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=39), "memory": measured()},
        measured(workers=WorkerEstimates(2, 4, 21.9), empty_since=NOW),
    ),
    "a shorter start-up counts by a tenth": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=11), "memory": measured()},
        measured(workers=WorkerEstimates(2, 4, 19.1), empty_since=NOW),
    ),
    "a start-up that differs by a tenth changes nothing": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=22), "memory": measured()},
        measured(empty_since=NOW),
    ),
    "a start-up of twice as long is not believed": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=40), "memory": measured()},
        measured(workers=WorkerEstimates(2, 4, 20, startup_changes=1), empty_since=NOW),
    ),
    "nor a second time": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=90), "memory": doubted(1)},
        measured(workers=WorkerEstimates(2, 4, 20, startup_changes=2), empty_since=NOW),
    ),
    "but a third time in a row, and then it is the start-up time": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=60), "memory": doubted(2)},
        measured(workers=WorkerEstimates(2, 4, 60), empty_since=NOW),
    ),
    "so is one of half as long": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=10), "memory": doubted(-2)},
        measured(workers=WorkerEstimates(2, 4, 10), empty_since=NOW),
    ),
    "a start-up of half as long is not believed after longer ones": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=10), "memory": doubted(2)},
        measured(workers=WorkerEstimates(2, 4, 20, startup_changes=-1), empty_since=NOW),
    ),
    "a usual start-up ends the doubt": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=20), "memory": doubted(2)},
        measured(empty_since=NOW),
    ),
    "a start-up a little longer ends the doubt, too": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=30), "memory": doubted(2)},
        measured(workers=WorkerEstimates(2, 4, 21), empty_since=NOW),
    ),
    "without a measurement the doubt stays": (
        AT_ZERO | {"sample": Sample(NOW), "memory": doubted(2)},
        doubted(2, empty_since=NOW),
    ),
    "a start-up after one of no time": (
        AT_ZERO | {"sample": Sample(NOW, startup_seconds=5), "memory": measured(workers=WorkerEstimates(2, 4, 0))},
        measured(workers=WorkerEstimates(2, 4, 5), empty_since=NOW),
    ),
    "a later measurement of the service time is taken as it is": (
        AT_ZERO | {"sample": Sample(NOW, 2.1, 10, 8, 20), "memory": measured()},
        measured(workers=WorkerEstimates(2.1, 8, 20, 10), empty_since=NOW),
    ),
    "a measurement that hardly differs changes nothing": (
        AT_ZERO | {"sample": Sample(NOW, 2.05, 1.9, 4, 21), "memory": measured()},
        measured(empty_since=NOW),
    ),
    "a small difference changes nothing": (
        AT_ZERO | {"sample": Sample(NOW, 10.2, 1), "memory": Memory(workers=WorkerEstimates(10))},
        Memory(workers=WorkerEstimates(10), empty_since=NOW),
    ),
    "a difference of three hundredths changes nothing": (
        AT_ZERO | {"sample": Sample(NOW, 103, 11), "memory": measured(workers=WorkerEstimates(100, 4, 20, 10))},
        measured(workers=WorkerEstimates(100, 4, 20, 10), empty_since=NOW),
    ),
    "a larger one is taken, over however many messages": (
        AT_ZERO | {"sample": Sample(NOW, 104, 11), "memory": measured(workers=WorkerEstimates(100, 4, 20, 10))},
        measured(workers=WorkerEstimates(104, 4, 20, 11), empty_since=NOW),
    ),
    "a mean over two messages is taken when nobody knows over how many the known one is": (
        AT_ZERO | {"sample": Sample(NOW, 2.05, 2), "memory": measured()},
        measured(workers=WorkerEstimates(2.05, 4, 20, 2), empty_since=NOW),
    ),
    "a mean over twice as many messages is taken": (
        AT_ZERO | {"sample": Sample(NOW, 2.05, 20), "memory": measured(workers=WorkerEstimates(2, 4, 20, 10))},
        measured(workers=WorkerEstimates(2.05, 4, 20, 20), empty_since=NOW),
    ),
    "one message gives a service time, and what was not sampled stays": (
        AT_ZERO | {"sample": Sample(NOW, 2, 1), "memory": REPORTING},
        Memory(workers=WorkerEstimates(2, 4, None, 1), empty_since=NOW),
    ),
    "no message gives no service time": (AT_ZERO | {"sample": Sample(NOW, None, 0)}, Memory(empty_since=NOW)),
    "a service time is learned only where the size depends on it": ({"sample": Sample(NOW, 20, 10)}, Memory()),
    "pods that do not answer for a moment are still known to report": (
        {"memory": replace(REPORTING, waiting_since=ago(10)), "pods": pods(0, 0, 10)},
        REPORTING,
    ),
    "pods asked before a scale-in do not overrule what was sampled": (
        {"memory": Memory(workers=WorkerEstimates(concurrency=8)), "pods": pods(10)},
        Memory(workers=WorkerEstimates(concurrency=8)),
    ),
}


@pytest.mark.parametrize(("differs", "memory"), ROWS.values(), ids=ROWS.keys())
def test_memory(differs: dict[str, Any], memory: Memory) -> None:
    assert decide(facts(**differs)).memory == memory


@pytest.mark.parametrize("differs", [{"reading": None}, {"mode": Mode.PAUSED}], ids=["unreadable", "paused"])
def test_workers_that_answer_are_known_when_nothing_is_read(differs: dict[str, Any]) -> None:
    known = decide(facts(**differs, sample=Sample(NOW, None, 0, 4, 12), memory=Memory())).memory.workers
    assert (known.concurrency, known.startup_seconds) == (4, 12)
