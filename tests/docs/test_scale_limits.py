"""The series that docs/scale-limits.md says can be dropped: how many they are, and what needs them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from dashboards.operators import OPERATOR
from dashboards.pools import POOLS
from queueworkerpool.report.metrics import Metrics
from queueworkerpool.report.status import next_status
from tests.unit.operator.builders import NOW
from tests.unit.operator.fakes import observe

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale-limits.md").read_text()
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]
RULES: list[dict[str, Any]] = yaml.safe_load(EXAMPLE)["metric_relabel_configs"]
COMMENTS = re.findall(r"^# (\d+)(.*)$", EXAMPLE, re.MULTILINE)
ALERTS = yaml.safe_load((ROOT / "charts" / "queueworkerpool" / "alerts.yaml").read_text())
PANELS = {
    panel.title: [query.promql for query in panel.queries]
    for dashboard in (OPERATOR, POOLS)
    for panel in dashboard.panels()
}


def series() -> list[dict[str, str]]:
    """Return the labels of all series of one pool, their name among them."""
    metrics, observation = Metrics(CollectorRegistry(), "", lambda: NOW), observe()
    metrics.observe(observation)
    metrics.published(observation.pool.key, next_status(observation, NOW).conditions)
    families = text_string_to_metric_families(b"".join(metrics.render("")[0]).decode())
    samples = [sample for family in families for sample in family.samples if "pool" in sample.labels]
    return [{"__name__": sample.name, **sample.labels} for sample in samples]


def test_a_pool_is_so_many_series() -> None:
    assert f"A pool with one queue is {len(series())} series" in PAGE


@pytest.mark.parametrize(
    ("rule", "comment"), list(zip(RULES, COMMENTS, strict=True)), ids=[rule["regex"] for rule in RULES]
)
def test_what_a_rule_drops_is_counted_and_the_panels_that_need_it_are_named(
    rule: dict[str, Any], comment: tuple[str, str]
) -> None:
    def dropped(labels: dict[str, str]) -> bool:
        return bool(re.fullmatch(rule["regex"], ";".join(labels.get(name, "") for name in rule["source_labels"])))

    count, text = comment
    assert sum(map(dropped, series())) == int(count)
    name, _, status = rule["regex"].partition(";")
    needs = re.compile(rf'{name}\b(?!{{[^}}]*status="(?!{status}))' if status else rf"{name}\b")
    assert {title for title, queries in PANELS.items() if any(map(needs.search, queries))} == set(
        re.findall(r'"([^"]+)"', text)
    )
    expressions = [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]
    assert not any(map(needs.search, expressions))
