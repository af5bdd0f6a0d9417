"""Each policy sizes as the one that it stands for."""

from itertools import product
from random import Random
from statistics import median
from typing import Any

import pytest

from queueplanner import loads
from queueplanner.outcome import outcome
from queueplanner.policies.hpa import DOWN, UP, Hpa, Pods, Policy, Rules
from queueplanner.policies.keda import Keda, ScaledObject
from queueplanner.policies.kube_sqs_autoscaler import KubeSqsAutoscaler
from queueplanner.policies.queue_hpa import QueueHpa
from queueplanner.policies.worker_pod_autoscaler import WorkerPodAutoscaler
from queueplanner.simulation import Counts, PodState, Run, SimulatedPod, System, View, simulate
from queueplanner.simulation import Policy as Sizing
from tests.unit.planner.builders import pool, work


def sizes(made: Run) -> list[int]:
    """Return the different sizes in their order."""
    asked = list(made.sizes.asked)
    return [size for before, size in zip([None, *asked], asked, strict=False) if size != before]


def burst(policy: Sizing, seconds: float = 1500.0) -> Run:
    load = loads.Burst(500, 100.0, seconds)
    return simulate(policy, load.times(Random(1)), System(work(1.0, startup=20.0), load.seconds), Random(1))


KEDA_STEPS = [1, 4, 8, 16, 32, 64, 100]
"""As measured on a real API server, with twelve ScaledObjects: a sync of the HPA after the other."""

PHASES = list(product([30 * (phase + 0.5) / 12 for phase in range(12)], [15 * (phase + 0.3) / 5 for phase in range(5)]))
"""When KEDA polls first, and when the HPA syncs first."""


def test_keda_takes_as_long_as_measured_over_the_phases_of_its_polls() -> None:
    """Measured: the first raise after 17.9 s (median) and 29.9 s at most, 100 pods after 104 s and 119 s at most."""
    first, full = [], []
    for poll_at, sync_at in PHASES:
        made = burst(Keda("keda", ScaledObject(), poll_at, sync_at), 230.0)
        assert sizes(made) == KEDA_STEPS
        reached = dict(reversed(list(zip(made.sizes.asked, made.sizes.times, strict=True))))
        first.append(reached[1] - 100.0)
        full.append(reached[100] - 100.0)
    assert max(first) == pytest.approx(29.9, abs=2.5), "the phases are so far apart"
    assert median(first) == pytest.approx(17.9, abs=4.4), "by so much the median of twelve phases is off, by chance"
    assert max(full) == pytest.approx(119, rel=0.05)
    assert median(full) == pytest.approx(104, rel=0.1)


def test_a_pool_reaches_its_size_in_one_step_and_returns_to_zero() -> None:
    made = burst(pool())
    assert sizes(made)[0] == 100
    assert sizes(made)[-1] == 0
    assert made.sizes.times[0] <= 105.0
    assert outcome("pool", made).unhandled == 0


def test_a_pool_stops_no_busy_worker_and_keda_does() -> None:
    """Long messages, and one after the other finishes."""
    arrivals = loads.Steady(0.05, 3600).times(Random(2))
    mine = System(work(300.0, startup=10.0, grace_seconds=30.0), 7200.0)
    ours = simulate(pool(target={"messagesPerPod": 1}), arrivals, mine, Random(1))
    theirs = simulate(Keda("keda", ScaledObject(queue_length=1)), arrivals, mine, Random(1))
    assert ours.repeated == 0
    assert theirs.repeated > 0


def test_a_pool_with_a_latency_target_learns_the_service_time() -> None:
    arrivals = loads.Steady(2.0, 7200).times(Random(2))
    made = simulate(pool(target={"latencySeconds": 60}), arrivals, System(work(4.0, startup=10.0), 7200.0), Random(1))
    found = outcome("pool", made)
    assert found.wait is not None
    assert found.wait.p99 < 60
    assert found.pod_hours < 3 * 2.0 * 4.0 * 2  # three times what never idles would need for two hours


HPA_ROWS = {
    "from one pod four at most": (None, 1, 500, 4),
    "then twice as many": (None, 8, 500, 16),
    "within the tolerance it stays": (None, 10, 52, 10),
    "outside of it goes": (None, 10, 56, 12),
    "by behavior four or twice": ((UP, DOWN), 1, 500, 5),
    "up is disabled": ((Rules(0, (), disabled=True), DOWN), 10, 500, 10),
    "a policy of two pods": ((Rules(0, (Policy(2, 15),)), DOWN), 10, 500, 12),
}


@pytest.mark.parametrize(("behavior", "replicas", "load", "size"), HPA_ROWS.values(), ids=HPA_ROWS)
def test_the_hpa_follows_its_source(
    behavior: tuple[Rules, Rules] | None, replicas: int, load: float, size: int
) -> None:
    assert Hpa(1, 100, 5, behavior).sync(0.0, replicas, load) == size


AT_ONCE = (UP, Rules(0, (Policy(100, 15, percent=True),)))
COUNTED = {
    "within the tolerance, the pods that exist": (Hpa(1, 100, 5, AT_ONCE), 40, Pods(10, 8, 6), 8),
    "of a value, those that are ready": (Hpa(1, 100, 100, AT_ONCE, is_value=True), 150, Pods(10, 8, 6), 9),
    "of a value within the tolerance, those asked for": (
        Hpa(1, 100, 100, AT_ONCE, is_value=True),
        105,
        Pods(10, 8, 6),
        10,
    ),
    "what the load needs, while none exists": (Hpa(1, 100, 5, AT_ONCE), 40, Pods(10, 0, 0), 8),
}


@pytest.mark.parametrize(("hpa", "load", "pods", "size"), COUNTED.values(), ids=COUNTED)
def test_the_hpa_counts_pods_that_exist_or_are_ready(hpa: Hpa, load: float, pods: Pods, size: int) -> None:
    assert hpa.sync(0.0, pods.asked, load, pods) == size


def test_the_hpa_waits_its_window_before_it_goes_down() -> None:
    hpa = Hpa(1, 100, 5)
    assert [hpa.sync(time, 10, 5) for time in (0.0, 150.0, 299.0, 301.0)] == [10, 10, 10, 1]


def test_the_worker_pod_autoscaler_goes_up_at_once_and_waits_ten_minutes_before_it_goes_down() -> None:
    made = burst(WorkerPodAutoscaler("wpa"))
    assert sizes(made) == [100, 0]
    changes = dict(zip(made.sizes.asked, made.sizes.times, strict=True))
    assert changes[0] >= 100.0 + 600.0


def test_its_controller_may_look_more_often_and_wait_less() -> None:
    slow = burst(WorkerPodAutoscaler("wpa"))
    soon = burst(WorkerPodAutoscaler("wpa", resync_seconds=5.0, delay_seconds=15.0))
    assert sizes(soon)[-1] == 0
    assert soon.sizes.times[-1] < 200.0 < slow.sizes.times[-1]
    assert 3 * slow.reads < soon.reads


READY = {"all of them": (4, 8), "half of them, which count alone": (2, 4), "none yet": (0, 1)}


@pytest.mark.parametrize(("ready", "size"), READY.values(), ids=READY)
def test_a_value_of_all_pods_together_is_multiplied_by_those_that_are_ready(ready: int, size: int) -> None:
    """The queue is twice as long as it should be. Pods that go wait for a window of no length."""
    states = [PodState.READY] * ready + [PodState.STARTING] * (4 - ready)
    pods = [SimulatedPod(number, 0.0, state) for number, state in enumerate(states)]
    at_once = (UP, Rules(0, DOWN.policies))
    seen = View(1000.0, Counts(60, 0), 4, pods)
    hpa = QueueHpa("hpa", Hpa(1, 100, 30.0, at_once, is_value=True))
    keda = Keda("keda", ScaledObject(queue_length=30, behavior=at_once, is_value=True))
    assert [hpa.decide(seen).replicas, keda.decide(seen).replicas] == [size, size]


WPA_ROWS = {
    "a tenth more is left alone": (10, 55, {}, 10),
    "more than that is not": (10, 60, {}, 12),
    "from nothing": (0, 3, {}, 1),
    "no more at once than the disruption": (10, 5, {"disruption": 0.2}, 8),
    "no more than that in pods": (10, 5, {"disrupted": 3}, 7),
    "none at all": (10, 5, {"disrupted": 0}, 10),
}


@pytest.mark.parametrize(("replicas", "messages", "fields", "size"), WPA_ROWS.values(), ids=WPA_ROWS)
def test_the_worker_pod_autoscaler_follows_its_source(
    replicas: int, messages: int, fields: dict[str, Any], size: int
) -> None:
    policy = WorkerPodAutoscaler("wpa", **fields)
    assert policy.decide(View(1000.0, Counts(messages, 0), replicas, ())).replicas == size


def wpa_after(minutes: int, replicas: int, sent: int, received: int, **fields: Any) -> int:
    """Return the size for an empty queue, where so many were sent and received in each of the minutes before."""
    policy, size = WorkerPodAutoscaler("wpa", **fields), 1
    for minute in range(minutes):
        size = policy.decide(View(minute * 60.0, Counts(0, 1), size, (), minute * sent, minute * received)).replicas
    return policy.decide(View(minutes * 60.0, Counts(0, 0), replicas, (), minutes * sent, minutes * received)).replicas


WPA_RATE_ROWS = {
    "60 a minute of two seconds are two": (30, 5, {"sent": 60, "received": 60, "seconds_per_job": 2}, 2),
    "61 take a third": (30, 5, {"sent": 61, "received": 61, "seconds_per_job": 2}, 3),
    "from nothing too": (30, 0, {"sent": 60, "received": 60, "seconds_per_job": 2}, 2),
    "never more than the most": (30, 5, {"sent": 600, "received": 600, "seconds_per_job": 2, "most": 7}, 7),
    "seven minutes after the start two of five minutes count": (
        7,
        5,
        {"sent": 60, "received": 60, "seconds_per_job": 2},
        1,
    ),
    "four minutes after it none": (4, 5, {"sent": 60, "received": 60, "seconds_per_job": 2}, 0),
    "by no seconds what is sent does not count": (30, 5, {"sent": 60, "received": 60}, 0),
    "busy ones go by the disruption": (30, 5, {"sent": 0, "received": 60, "disruption": 0.2}, 4),
    "idle ones all": (30, 5, {"sent": 0, "received": 0, "disruption": 0.2}, 0),
    "none is idle while jobs are sent": (
        30,
        10,
        {"sent": 60, "received": 0, "seconds_per_job": 2, "disruption": 0.2},
        8,
    ),
    "the most is more than the least of idle ones": (30, 5, {"sent": 0, "received": 0, "least": 7, "most": 6}, 6),
}


@pytest.mark.parametrize(("minutes", "replicas", "fields", "size"), WPA_RATE_ROWS.values(), ids=WPA_RATE_ROWS)
def test_the_worker_pod_autoscaler_follows_what_cloudwatch_counts(
    minutes: int, replicas: int, fields: dict[str, Any], size: int
) -> None:
    assert wpa_after(minutes, replicas, **fields) == size


@pytest.mark.parametrize(("ago", "size"), [(4, 0), (5, 0), (6, 2), (10, 2), (11, 0)])
def test_the_worker_pod_autoscaler_counts_what_was_sent_ten_to_five_minutes_ago(ago: int, size: int) -> None:
    """300 of two seconds in a minute that ended so long ago, less one: 60 a minute on average."""
    policy = WorkerPodAutoscaler("wpa", seconds_per_job=2)
    sent = [0 if minute <= 30 - ago else 300 for minute in range(31)]
    moves = [policy.decide(View(60.0 * minute, Counts(0, 0), 0, (), sent[minute], 0)) for minute in range(31)]
    assert moves[-1].replicas == size


@pytest.mark.parametrize(("ago", "size"), [(9, 0), (10, 0), (11, 4), (20, 4), (21, 0)])
def test_the_worker_pod_autoscaler_takes_workers_for_idle_by_twenty_to_ten_minutes_ago(ago: int, size: int) -> None:
    policy = WorkerPodAutoscaler("wpa", disruption=0.2)
    for minute in range(30):
        policy.decide(View(60.0 * minute, Counts(0, 25), 5, (), 0, 0 if minute <= 30 - ago else 1))
    assert policy.decide(View(1800.0, Counts(0, 0), 5, (), 0, 1)).replicas == size


@pytest.mark.parametrize(("in_flight", "size"), [(True, 4), (False, 2)])
def test_an_hpa_on_the_queue_counts_what_its_metric_counts(in_flight: bool, size: int) -> None:
    policy = QueueHpa("hpa", Hpa(1, 100, 5), in_flight)
    assert policy.decide(View(60.0, Counts(6, 14), 1, ())).replicas == size


def test_an_hpa_on_the_queue_keeps_a_pod_and_doubles() -> None:
    made = burst(QueueHpa("hpa", Hpa(1, 100, 5)))
    assert sizes(made)[:6] == [1, 4, 8, 16, 32, 64]
    assert (sizes(made)[-1], min(made.sizes.asked)) == (1, 1)


def test_kube_sqs_autoscaler_goes_pod_by_pod() -> None:
    made = burst(KubeSqsAutoscaler("kube-sqs-autoscaler"))
    assert sizes(made) == [1, 2, 3, 4, 5, 4, 3, 2, 1]
