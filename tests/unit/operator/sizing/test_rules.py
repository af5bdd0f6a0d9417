"""What holds for every sizing rule, and that the CRD has exactly the rules that the code has."""

import re
from typing import Any

import pytest
from hypothesis import given

from queueworkerpool.names import DECISION_REASONS
from queueworkerpool.sizing import RULES, AtReading, Latency, MessagesPerPod, SizingRule, parse_target
from queueworkerpool.validate.crd import pool_schema
from tests.unit.operator.strategies import at_readings, counts, sizes, targets, workers

SCHEMA = pool_schema()["properties"]["spec"]["properties"]["target"]
EXAMPLES: dict[str, Any] = {"messagesPerPod": 5, "latencySeconds": 60, "serviceSeconds": 0.5, "startupSeconds": 20}


class Recorded(dict[str, Any]):
    """A raw target that records the names of the fields that are read."""

    def __init__(self) -> None:
        super().__init__(EXAMPLES)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def read_by(rule: type[SizingRule]) -> set[str]:
    raw = Recorded()
    rule.parse(raw)
    return raw.names


@pytest.mark.parametrize("rule", RULES)
def test_the_crd_has_the_field_of_every_rule(rule: type[SizingRule]) -> None:
    assert rule.field in SCHEMA["properties"]
    assert rule.field in read_by(rule)


@pytest.mark.parametrize("name", SCHEMA["properties"])
def test_every_target_field_of_the_crd_is_parsed_by_one_rule(name: str) -> None:
    assert sum(name in read_by(rule) for rule in RULES) == 1


def test_the_crd_demands_the_field_of_exactly_one_rule() -> None:
    [exactly_one] = [each["rule"] for each in SCHEMA["x-kubernetes-validations"] if "!=" in each["rule"]]
    assert sorted(re.findall(r"has\(self\.(\w+)\)", exactly_one)) == sorted(rule.field for rule in RULES)


def test_every_rule_is_listed_once_with_a_field_of_its_own() -> None:
    # Compared by name: a dataclass with slots is a copy of its class, and the original may still exist.
    assert {rule.__name__ for rule in SizingRule.__subclasses__()} == {rule.__name__ for rule in RULES}
    assert len({rule.field for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("raw", "target"),
    [
        ({"messagesPerPod": 5}, MessagesPerPod(5)),
        ({"latencySeconds": 60}, Latency(60)),
        ({"latencySeconds": 60, "serviceSeconds": 0.5, "startupSeconds": 20}, Latency(60, 0.5, 20)),
        ({"messagesPerPod": 5, "unknown": 1}, MessagesPerPod(5)),
    ],
)
def test_a_target_is_parsed_by_the_rule_of_its_field(raw: dict[str, Any], target: SizingRule) -> None:
    assert parse_target(raw) == target


@pytest.mark.parametrize("raw", [{}, {"cpu": 80}, {"serviceSeconds": 1}])
def test_an_unknown_target_is_refused_with_the_fields_there_are(raw: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="messagesPerPod or latencySeconds"):
        parse_target(raw)


@given(targets)
def test_the_gauges_and_their_values_agree(target: SizingRule) -> None:
    assert set(target.gauge_values()) == set(target.gauges)


def test_no_two_rules_share_a_gauge() -> None:
    names = [name for rule in RULES for name in rule.gauges]
    assert len(set(names)) == len(names)
    assert all(text.endswith(".") for rule in RULES for text in rule.gauges.values())


@given(targets, workers, counts, counts, at_readings)
def test_more_load_never_needs_fewer_pods_and_no_load_needs_none(
    target: SizingRule, measured: Any, load: int, more: int, at: AtReading
) -> None:
    less, most = (target.recommend(each, measured, at) for each in (load, load + more))
    assert 0 <= less.replicas <= most.replicas
    assert target.recommend(0, measured, at).replicas == 0
    assert less.reason in DECISION_REASONS
    assert len(most.message) < 200


@given(targets, workers, counts, at_readings)
def test_the_fewer_pods_are_ready_the_more_are_needed(
    target: SizingRule, measured: Any, load: int, at: AtReading
) -> None:
    assert (
        target.recommend(load, measured, at._replace(ready=0)).replicas >= target.recommend(load, measured, at).replicas
    )


@given(targets, workers, counts, sizes.filter(bool), at_readings)
def test_a_ratio_is_never_negative(target: SizingRule, measured: Any, load: int, replicas: int, at: AtReading) -> None:
    assert target.ratio(load, replicas, measured, at) >= 0


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_samples_the_workers_at_most_every_ten_seconds(rule: type[SizingRule]) -> None:
    assert rule.sample_interval_seconds >= 10
