"""Sizing by latency, through the interface that every rule has."""

from dataclasses import replace
from typing import Any

import pytest

from queueworkerpool.names import Reason
from queueworkerpool.sizing import AtReading, Latency, Recommendation, Shortfall, SizingRule, WorkerEstimates
from tests.unit.operator.builders import SPEC, window

UNKNOWN = WorkerEstimates()
MEASURED = WorkerEstimates(service_seconds=2.0, concurrency=4.0, startup_seconds=20.0)
TARGET: SizingRule = Latency(60)
AT = AtReading(ready=1000, poll_seconds=5)  # enough of them

SIZES: dict[str, tuple[SizingRule, int, WorkerEstimates, int]] = {
    "load x service time / (slots x time left)": (TARGET, 800, MEASURED, 10),
    "rounded up": (TARGET, 801, MEASURED, 11),
    "not rounded up for what floating point adds to a whole number": (
        TARGET,
        131,
        WorkerEstimates(service_seconds=9.3, concurrency=1.0, startup_seconds=20.7),
        31,
    ),
    "no load, no pod": (TARGET, 0, MEASURED, 0),
    "one pod for any load": (Latency(3600), 1, MEASURED, 1),
    "one pod for messages that take no time": (TARGET, 800, replace(MEASURED, service_seconds=0.0), 1),
    "the time left is never below the start-up time": (Latency(25), 800, MEASURED, 20),
    "never more slots than messages": (TARGET, 44, replace(MEASURED, service_seconds=500.0), 11),
    "a slot for each message while no service time is known": (TARGET, 33, UNKNOWN, 33),
    "a slot for each message, several in a pod": (TARGET, 33, WorkerEstimates(concurrency=4.0), 9),
    "the declared times until there are measured ones": (
        Latency(60, service_seconds=2, startup_seconds=20),
        800,
        WorkerEstimates(concurrency=4.0),
        10,
    ),
    "measured times go before declared ones": (Latency(60, service_seconds=99, startup_seconds=1), 800, MEASURED, 10),
}


@pytest.mark.parametrize(("target", "load", "workers", "pods"), SIZES.values(), ids=SIZES)
def test_it_recommends(target: SizingRule, load: int, workers: WorkerEstimates, pods: int) -> None:
    recommendation = target.recommend(load, workers, AT)
    assert (recommendation.replicas, recommendation.reason) == (pods, Reason.SIZED_BY_LATENCY)
    assert recommendation.message.endswith(f" = {pods} pods")


def test_the_message_has_the_numbers_or_says_that_they_are_unknown() -> None:
    message = "800 messages x 2 s / (4 per pod x 40 s) = 10 pods"
    assert TARGET.recommend(800, MEASURED, AT) == Recommendation(10, Reason.SIZED_BY_LATENCY, message)
    changed = replace(MEASURED, service_before=0.5)
    assert (
        TARGET.recommend(800, changed, AT).message
        == "800 messages x 2 s (0.5 s until lately) / (4 per pod x 40 s) = 10 pods"
    )
    long = replace(MEASURED, service_seconds=500.0)
    assert (
        TARGET.recommend(44, long, AT).message
        == "44 messages x 500 s / (4 per pod x 40 s), and no more than a slot each = 11 pods"
    )
    unknown = "33 messages, 1 at a time per pod, service time not known yet: a slot each = 33 pods"
    assert TARGET.recommend(33, UNKNOWN, AT).message == unknown


FEW_READY: dict[str, tuple[SizingRule, WorkerEstimates, AtReading, str]] = {
    "none: less the time until the messages were read": (
        TARGET,
        MEASURED,
        AtReading(0, 5),
        "4 per pod x 25 s) = 16 pods (15 s less: few are ready)",
    ),
    "fewer than half of those that are needed otherwise": (
        TARGET,
        MEASURED,
        AtReading(4, 5),
        "4 per pod x 25 s) = 16 pods (15 s less: few are ready)",
    ),
    "half of them": (TARGET, MEASURED, AtReading(5, 5), "4 per pod x 40 s) = 10 pods"),
    "none, of a pool that is read more often": (
        TARGET,
        MEASURED,
        AtReading(0, 1),
        "4 per pod x 29 s) = 14 pods (11 s less: few are ready)",
    ),
    "no less than the start-up time is left": (
        TARGET,
        MEASURED,
        AtReading(0, 15),
        "4 per pod x 20 s) = 20 pods (20 s less: few are ready)",
    ),
    "no less than the time between two readings is left": (
        TARGET,
        MEASURED,
        AtReading(0, 30),
        "4 per pod x 30 s) = 14 pods (10 s less: few are ready)",
    ),
    "that time is as long as the one that is left": (
        TARGET,
        MEASURED,
        AtReading(0, 40),
        "4 per pod x 40 s) = 10 pods",
    ),
    "that time is longer than the latency": (TARGET, MEASURED, AtReading(0, 300), "4 per pod x 40 s) = 10 pods"),
    "start-ups that nothing is left of the latency for": (
        Latency(25),
        MEASURED,
        AtReading(0, 5),
        "4 per pod x 20 s) = 20 pods",
    ),
    "pods that start at once, and a latency as short as the lag of the counts": (
        Latency(10, startup_seconds=0),
        replace(MEASURED, startup_seconds=None),
        AtReading(0, 5),
        "4 per pod x 5 s) = 80 pods (5 s less: few are ready)",
    ),
}


@pytest.mark.parametrize(("target", "workers", "at", "message"), FEW_READY.values(), ids=FEW_READY)
def test_it_recommends_for_pods_that_are_ready(
    target: SizingRule, workers: WorkerEstimates, at: AtReading, message: str
) -> None:
    assert target.recommend(800, workers, at).message == f"800 messages x 2 s / ({message}"


def test_the_ratio_is_of_the_time_left_while_few_are_ready() -> None:
    assert TARGET.ratio(800, 4, MEASURED, AtReading(4, 5)) == pytest.approx(16 / 4)


@pytest.mark.parametrize(
    ("load", "replicas", "workers", "ratio"),
    [(800, 10, MEASURED, 1.0), (840, 10, MEASURED, 1.05), (0, 10, MEASURED, 0.0), (33, 10, UNKNOWN, 3.3)],
)
def test_the_ratio_is_the_needed_pods_over_the_pods_there_are(
    load: int, replicas: int, workers: WorkerEstimates, ratio: float
) -> None:
    assert TARGET.ratio(load, replicas, workers, AT) == pytest.approx(ratio)


SHORTFALLS: dict[str, tuple[SizingRule, WorkerEstimates, float | None]] = {
    "above the start-up time": (Latency(21), MEASURED, None),
    "of just the start-up time": (Latency(20), MEASURED, 20),
    "below the start-up time": (Latency(1), MEASURED, 20),
    "below the declared start-up time": (Latency(20, startup_seconds=20.5), UNKNOWN, 20.5),
    "above the measured start-up time, below the declared one": (Latency(21, startup_seconds=70), MEASURED, None),
    "with an unknown start-up time": (Latency(1), UNKNOWN, None),
    "with pods that start at once": (Latency(1, startup_seconds=0), UNKNOWN, None),
}


def unmet(startup: float) -> Shortfall:
    message = f"pods take {startup:g} s to start, so the least latency that can be promised is more than {startup:g} s"
    return Shortfall(Reason.LATENCY_BELOW_STARTUP, message)


@pytest.mark.parametrize(("target", "workers", "startup"), SHORTFALLS.values(), ids=SHORTFALLS)
def test_the_shortfall_of_a_latency(target: SizingRule, workers: WorkerEstimates, startup: float | None) -> None:
    assert target.shortfall(workers) == (None if startup is None else unmet(startup))


STARTING = Latency(60, startup_seconds=30)
WARNINGS: dict[str, tuple[SizingRule, dict[str, Any], list[str]]] = {
    "no contradiction": (STARTING, {}, []),
    "a latency of just the start-up time": (Latency(60, startup_seconds=60), {}, ["spec.target.latencySeconds"]),
    "a poll interval as long as the latency": (TARGET, {"poll_seconds": 60}, ["spec.pollSeconds"]),
    "a scale-up window as long as the latency": (
        TARGET,
        {"scale_up": window(60)},
        ["spec.behavior.scaleUp.stabilizationWindowSeconds"],
    ),
    "an idle interval as long as the latency": (TARGET, {"idle_poll_seconds": 60}, ["spec.idlePollSeconds"]),
    "an idle interval that a minimum makes void": (TARGET, {"idle_poll_seconds": 60, "min_replicas": 1}, []),
    "an idle interval below the latency": (TARGET, {"idle_poll_seconds": 59}, []),
    "both intervals as long as the latency": (
        TARGET,
        {"poll_seconds": 60, "idle_poll_seconds": 60},
        ["spec.pollSeconds"],
    ),
    "an activation threshold": (TARGET, {"activation_messages": 5}, ["spec.activationMessages"]),
    "an activation threshold that a minimum makes void": (TARGET, {"activation_messages": 5, "min_replicas": 1}, []),
    "a last pod that goes sooner than it came": (
        STARTING,
        {"scale_to_zero_after_seconds": 29},
        ["spec.scaleToZeroAfterSeconds"],
    ),
    "a last pod that stays as long as is learned": (STARTING, {"scale_to_zero_after_seconds": None}, []),
    "a last pod that stays for one start-up": (STARTING, {"scale_to_zero_after_seconds": 30}, []),
    "a last pod that never goes": (STARTING, {"scale_to_zero_after_seconds": 29, "min_replicas": 1}, []),
    "several at once, in the order of the spec": (
        Latency(10, startup_seconds=70),
        {"poll_seconds": 10, "activation_messages": 1, "scale_to_zero_after_seconds": 69},
        [
            "spec.target.latencySeconds",
            "spec.pollSeconds",
            "spec.activationMessages",
            "spec.scaleToZeroAfterSeconds",
        ],
    ),
}


@pytest.mark.parametrize(("target", "differs", "fields"), WARNINGS.values(), ids=WARNINGS)
def test_the_warnings_of_a_latency(target: SizingRule, differs: dict[str, Any], fields: list[str]) -> None:
    found = list(target.warnings(replace(SPEC, **differs)))
    assert [field for field, _ in found] == fields
    assert all(": " in problem for _, problem in found), "each says what to do about it"


def test_it_needs_the_service_time_and_fits_any_concurrency() -> None:
    assert (TARGET.learns_service_time, TARGET.declared_service_seconds) == (True, None)
    assert Latency(60, service_seconds=3).declared_service_seconds == 3
    assert list(TARGET.worker_warnings(1000, "thumbnailer")) == []
