"""What a scrape shows: every documented series, fed by real observations, read by Prometheus' own parser."""

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from queueworkerpool.errors import QueueNotFoundError, QueueThrottledError
from queueworkerpool.model import Mode, NamespacedName, Observation, QueueRef
from queueworkerpool.names import DECISION_REASONS, ConditionStatus, ConditionType, ReadOutcome
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.report.status import next_status
from queueworkerpool.sizing import Latency, WorkerEstimates
from tests.unit.operator.builders import NOW, SPEC, URL, ago, empty, pool, reading
from tests.unit.operator.fakes import observe, target

KEY = NamespacedName("shop", "thumbnails")
POOL = {"namespace": "shop", "pool": "thumbnails"}
OTHER_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/invoices"
TWIN_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/thumbnails"
Labels = frozenset[tuple[str, str]]


def fresh() -> Metrics:
    return Metrics(CollectorRegistry(), "1.2.3", lambda: NOW)


def scraped(metrics: Metrics) -> dict[str, dict[Labels, float]]:
    """Every sample of a scrape, by name and labels."""
    text = b"".join(metrics.render("text/plain")[0])
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        assert family.documentation.endswith("."), f"{family.name} is not explained"
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return scraped(metrics).get(f"queueworkerpool_{name}", {}).get(frozenset((POOL | labels).items()))


def observed(observation: Observation | None = None) -> Metrics:
    metrics, observation = fresh(), observation or observe({"reading": reading(55, 40, 7, ago(3))})
    metrics.observe(observation)
    metrics.published(KEY, next_status(observation, NOW).conditions)
    return metrics


ROWS: dict[str, tuple[dict[str, str], float]] = {
    "current_replicas": ({}, 10),
    "ready_replicas": ({}, 10),
    "recommended_replicas": ({}, 19),
    "desired_replicas": ({}, 19),
    "min_replicas": ({}, 0),
    "max_replicas": ({}, 50),
    "waiting_for_idle_workers": ({}, 0),
    "protects_busy_workers": ({}, 1),
    "target_messages_per_pod": ({}, 5),
    "backlog_per_pod": ({}, 9.5),
    "reading_age_seconds": ({}, 3),
    "reading_interval_seconds": ({}, 5),
    "readings_monthly_cost_usd": ({}, 0.20736),
    "queue_messages": ({"queue": "thumbnails", "state": "visible"}, 55),
    "condition": ({"type": "Ready", "status": "True"}, 1),
    "decisions_total": ({"reason": "SizedByBacklog"}, 1),
    "scale_writes_total": ({"direction": "up"}, 0),
    "queue_reads_total": ({"outcome": "ok"}, 1),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_pool_shows(name: str) -> None:
    labels, shown = ROWS[name]
    assert value(observed(), name, **labels) == shown


def test_a_pool_shows_nothing_else() -> None:
    ours = {
        name for name, samples in scraped(observed()).items() if any(dict(labels).get("pool") for labels in samples)
    }
    assert ours == {f"queueworkerpool_{name}" for name in ROWS}


def test_the_recommendation_is_shown_before_the_limits_and_only_where_the_load_is_known() -> None:
    bounded = observed(observe({"reading": reading(55, 40, 7, ago(3)), "max_replicas": 9}))
    assert (value(bounded, "recommended_replicas"), value(bounded, "desired_replicas")) == (19, 9)
    unreadable = observed(observe({"reading": None}, counts=(QueueNotFoundError("why"),)))
    assert (value(unreadable, "recommended_replicas"), value(unreadable, "desired_replicas")) == (None, 10)


def test_what_was_learned_of_the_workers_is_shown_as_far_as_it_is_known() -> None:
    observation = observe()
    assert observation.decision
    learned = replace(observation.decision.memory, workers=WorkerEstimates(0.25, startup_seconds=7.5))
    metrics = observed(replace(observation, decision=replace(observation.decision, memory=learned)))
    names = ("service_seconds", "startup_seconds", "worker_concurrency")
    assert [value(metrics, name) for name in names] == [0.25, 7.5, None]
    assert [value(observed(), name) for name in names] == [None, None, None]


def test_messages_are_shown_by_state() -> None:
    metrics = observed()
    states = {
        state: value(metrics, "queue_messages", queue="thumbnails", state=state) for state in ("in_flight", "delayed")
    }
    assert states == {"in_flight": 40, "delayed": 7}


def test_known_labels_start_at_zero() -> None:
    metrics, shown = observed(), 0.0
    for reason in set(DECISION_REASONS) - {"SizedByBacklog"}:
        assert value(metrics, "decisions_total", reason=reason) == shown
    for outcome in set(ReadOutcome) - {ReadOutcome.OK}:
        assert value(metrics, "queue_reads_total", outcome=outcome) == shown
    assert value(metrics, "scale_writes_total", direction="down") == shown


def test_a_condition_is_one_for_its_status_and_zero_for_the_others() -> None:
    metrics = observed()
    for kind in set(ConditionType) - {ConditionType.STALLED}:  # not there while nothing is stalled
        shown = [value(metrics, "condition", type=kind, status=status) for status in ConditionStatus]
        assert sorted(map(float, (one or 0 for one in shown))) == [0, 0, 1]
        assert None not in shown
    assert value(metrics, "condition", type="ScalingLimited", status="False") == 1


def test_writes_are_counted_by_direction() -> None:
    metrics = observed()
    for before, after in ((1, 5), (5, 9), (9, 0)):
        metrics.rescaled(KEY, before, after)
    assert [value(metrics, "scale_writes_total", direction=way) for way in ("up", "down")] == [2, 1]


def test_ticks_add_up() -> None:
    metrics = observed()
    metrics.observe(observe({"max_replicas": 9}))
    metrics.observe(observe())
    assert value(metrics, "decisions_total", reason="SizedByBacklog") == 2
    assert value(metrics, "decisions_total", reason="TooManyReplicas") == 1
    assert value(metrics, "queue_reads_total", outcome="ok") == 3


def test_a_failed_reading_is_counted_and_keeps_the_last_good_one() -> None:
    metrics = observed()
    metrics.observe(observe({"reading": None}, counts=(QueueNotFoundError("why"),)))
    assert value(metrics, "queue_reads_total", outcome="not_found") == 1
    assert value(metrics, "queue_messages", queue="thumbnails", state="visible") == 55
    assert value(metrics, "reading_age_seconds") == 3


def test_the_age_is_that_of_the_oldest_and_never_negative() -> None:
    both = replace(SPEC, queues=(QueueRef(URL), QueueRef(OTHER_URL)))
    counts = reading(1, time=ago(9)), reading(2, time=ago(4))
    metrics = observed(observe(pool=pool(spec=both), counts=counts))
    assert (value(metrics, "reading_age_seconds"), value(metrics, "backlog_per_pod")) == (9, 0.3)
    assert value(metrics, "queue_messages", queue="invoices", state="visible") == 2
    assert value(observed(observe({"reading": reading(1, time=ago(-9))})), "reading_age_seconds") == 0


def test_two_queues_of_one_name_are_shown_by_their_url() -> None:
    twins = replace(SPEC, queues=(QueueRef(URL), QueueRef(TWIN_URL)))
    metrics = observed(observe(pool=pool(spec=twins), counts=(reading(1), reading(2))))
    assert value(metrics, "queue_messages", queue=URL, state="visible") == 1
    assert value(metrics, "queue_messages", queue=TWIN_URL, state="visible") == 2


def test_a_queue_that_the_spec_no_longer_names_is_removed() -> None:
    metrics = observed()
    metrics.observe(
        observe(pool=pool(spec=replace(SPEC, queues=(QueueRef(OTHER_URL),))), counts=(QueueThrottledError("x"),))
    )
    assert "queueworkerpool_queue_messages" not in scraped(metrics)


def test_at_zero_pods_the_backlog_is_the_whole_load() -> None:
    assert value(observed(observe({"replicas": 0, "reading": reading(7)})), "backlog_per_pod") == 7


UNKNOWN: dict[str, tuple[Observation, set[str]]] = {
    "no Deployment": (
        observe(target=None, counts=(), decision=None),
        {"current_replicas", "ready_replicas", "desired_replicas"},
    ),
    "a latency": (observe({"target": Latency(60)}), {"target_messages_per_pod"}),
}


@pytest.mark.parametrize(("observation", "missing"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_unknown_is_not_shown(observation: Observation, missing: set[str]) -> None:
    metrics = observed(observation)
    assert {name for name in missing if value(metrics, name, **ROWS[name][0]) is not None} == set()


def test_with_an_invalid_spec_only_the_deployment_is_shown() -> None:
    metrics = fresh()
    metrics.observe_invalid(KEY, target())
    missing = ("min_replicas", "max_replicas", "target_messages_per_pod", "desired_replicas", "queue_messages")
    assert {name for name in missing if value(metrics, name, **ROWS[name][0]) is not None} == set()
    assert value(metrics, "current_replicas") == 10


def test_what_became_unknown_is_removed() -> None:
    metrics = observed()
    metrics.observe(observe(target=None, counts=(), decision=None))
    assert value(metrics, "current_replicas") is None
    assert value(metrics, "decisions_total", reason="SizedByBacklog") == 1


def test_a_deleted_pools_series_are_removed_and_the_others_stay() -> None:
    metrics = observed()
    metrics.observe(observe(pool=pool(key=NamespacedName("shop", "other"))))
    metrics.forget(KEY)
    metrics.forget(NamespacedName("shop", "never-seen"))
    pools = {dict(labels).get("pool") for samples in scraped(metrics).values() for labels in samples}
    assert pools == {None, "other"}


def test_the_series_of_the_process() -> None:
    metrics = fresh()
    held: list[tuple[int, ...]] = [(0,), ()]
    metrics.holds(lambda: held[0])
    metrics.ticked(lag_seconds=0.5, took_seconds=0.002)
    metrics.queue_read(2.0)
    metrics.failed()
    shown: dict[str, Any] = {
        name: samples[frozenset()] for name, samples in scraped(metrics).items() if frozenset() in samples
    }
    assert {name: shown[f"queueworkerpool_{name}"] for name in ("leader", "reconcile_lag_seconds_sum")} == {
        "leader": 1,
        "reconcile_lag_seconds_sum": 0.5,
    }
    assert shown["queueworkerpool_reconcile_duration_seconds_sum"] == 0.002
    assert shown["queueworkerpool_queue_read_duration_seconds_count"] == 1
    assert shown["queueworkerpool_reconcile_failures_total"] == 1
    assert scraped(metrics)["queueworkerpool_build_info"] == {frozenset({("version", "1.2.3")}): 1}
    held.pop(0)
    assert scraped(metrics)["queueworkerpool_leader"][frozenset()] == 0


def test_requests_to_the_api_server_are_counted_by_method_and_code() -> None:
    metrics = fresh()
    for method, code, seconds in (("GET", 200, 0.5), ("PATCH", 200, 1.0), ("PATCH", 409, 1.0), ("PATCH", None, 7.0)):
        metrics.api_requested(method, code, seconds)
    expected = (("GET", "200"), ("PATCH", "200"), ("PATCH", "409"), ("PATCH", "none"))
    assert scraped(metrics)["queueworkerpool_api_requests_total"] == {
        frozenset({("method", method), ("code", code)}): 1 for method, code in expected
    }
    assert scraped(metrics)["queueworkerpool_api_request_duration_seconds_sum"][frozenset()] == 9.5


def test_the_buckets_reach_from_an_idle_tick_to_every_time_out() -> None:
    metrics = fresh()
    metrics.ticked(lag_seconds=0.0, took_seconds=0.0)
    buckets = scraped(metrics)["queueworkerpool_reconcile_duration_seconds_bucket"]
    bounds = sorted(float(dict(labels)["le"]) for labels in buckets)
    assert bounds == [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, float("inf")]


COSTS: dict[str, tuple[dict[str, Any], float | None, float]] = {
    "a pool": ({}, 5, 0.20736),
    "an idle pool": (
        {"replicas": 0, "reading": reading(0), "memory": empty(300), "idle_poll_seconds": 300},
        300,
        0.003456,
    ),
    "a pool at zero whose queue has a delayed message": (
        {"replicas": 0, "reading": reading(0, 0, 1), "memory": empty(300), "idle_poll_seconds": 300},
        5,
        0.20736,
    ),
    "a paused pool": ({"mode": Mode.PAUSED, "readings": ()}, None, 0),
}


@pytest.mark.parametrize(("differs", "interval", "cost"), COSTS.values(), ids=COSTS)
def test_how_often_queues_are_read_and_what_that_costs_is_shown_of(
    differs: dict[str, Any], interval: float | None, cost: float
) -> None:
    metrics = observed(observe(differs))
    assert value(metrics, "reading_interval_seconds") == interval
    assert value(metrics, "readings_monthly_cost_usd") == pytest.approx(cost)


def test_without_a_target_nothing_is_read_and_nothing_is_paid() -> None:
    metrics = observed(observe(target=None, counts=(), decision=None))
    assert (value(metrics, "reading_interval_seconds"), value(metrics, "readings_monthly_cost_usd")) == (None, 0)


def test_a_reading_that_serves_on_is_counted_once() -> None:
    metrics, seen = fresh(), observe()
    for observation in (seen, seen, observe()):
        metrics.observe(observation)
    assert value(metrics, "queue_reads_total", outcome="ok") == 2


def test_a_scraper_gets_the_format_that_it_accepts() -> None:
    metrics = observed()
    assert metrics.render("")[1].startswith("text/plain; version=")
    pieces, content_type = metrics.render("application/openmetrics-text; version=1.0.0")
    text = b"".join(pieces)
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    families = parse_openmetrics(text.decode())  # type: ignore[no-untyped-call] # theirs
    names = {family.name for family in families}
    assert {"queueworkerpool_decisions", "queueworkerpool_current_replicas", "queueworkerpool_build"} <= names


def test_an_active_minimum_and_the_end_of_a_pause_are_shown_where_there_are_some() -> None:
    paused = observed(observe({"mode": Mode.PAUSED, "paused_until": NOW, "active_min_replicas": 4}, counts=()))
    assert value(paused, "active_min_replicas") == 4
    assert value(paused, "paused_until_timestamp_seconds") == NOW.timestamp()
    assert value(observed(), "active_min_replicas") is None
    assert value(observed(), "paused_until_timestamp_seconds") is None


def test_each_shard_says_whether_it_is_held_and_how_many_pools_tick() -> None:
    metrics = fresh()
    held: list[tuple[int, ...]] = [(1,)]
    metrics.holds(lambda: held[0])
    metrics.shows_shards(2, lambda: {1: 40})

    def shown(name: str) -> dict[str, float]:
        return {dict(labels)["shard"]: value for labels, value in scraped(metrics)[f"queueworkerpool_{name}"].items()}

    assert (shown("shard_leader"), shown("shard_pools")) == ({"0": 0, "1": 1}, {"0": 0, "1": 40})
    held[0] = (0, 1)
    assert shown("shard_leader") == {"0": 1, "1": 1}


def test_without_shards_none_is_shown() -> None:
    metrics = fresh()
    metrics.holds(lambda: (0,))
    metrics.shows_shards(1, lambda: {0: 40})
    assert not [name for name in scraped(metrics) if "shard" in name]
