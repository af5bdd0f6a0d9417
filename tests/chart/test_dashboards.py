"""The dashboards: their metrics exist, panels and runbooks name each other, and the chart ships them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from dashboards.grafana import to_json
from dashboards.model import COLUMNS, Dashboard
from dashboards.operators import OPERATOR
from dashboards.pools import POOLS
from queueworker.metrics import QueueState, WorkerState
from queueworker.metrics import _StateCollector as WorkerCollector
from queueworker.stats import Snapshot
from queueworkerpool.names import ConditionStatus, ConditionType, ReadOutcome
from queueworkerpool.report.metrics import Metrics
from tests.chart.objects import CHART, ROOT, Json, Render, of_kind

DASHBOARDS = {"operator": OPERATOR, "pools": POOLS}
BY_TITLE = {dashboard.title: dashboard for dashboard in DASHBOARDS.values()}
RULES: list[Json] = yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"][0]["rules"]
RUNBOOKS = {path.stem: path.read_text() for path in (ROOT / "docs" / "runbooks").glob("*.md")}
PARTS = {"counter": ("_total",), "histogram": ("_count", "_bucket", "_sum"), "gauge": ("",), "info": ("_info",)}
THEIRS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_max_fds"} | {
    "process_start_time_seconds",
    "scrape_duration_seconds",
}
"""Metrics of the Python client and of Prometheus itself."""

BASE = "https://wiki.example/qwp"


def families() -> Iterator[Metric]:
    """Yield every metric of operator and worker."""
    registry = CollectorRegistry()
    Metrics(registry, "", lambda: datetime.now(UTC))
    yield from registry.collect()
    queue = QueueState(numbers=Snapshot(), heartbeat_lag_seconds=0, groups=0)
    state = WorkerState(queues={"thumbnails": queue}, concurrency=1, draining=False)
    yield from WorkerCollector(lambda: state).collect()


def queries(dashboard: Dashboard) -> Iterator[str]:
    for panel in dashboard.panels():
        yield from (query.promql for query in panel.queries)
    yield from (annotation.promql for annotation in dashboard.annotations)
    yield from (variable.selector for variable in dashboard.variables)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_metric_and_label_value_of_a_query_exists(name: str) -> None:
    known = {family.name + part for family in families() for part in PARTS[family.type]} | THEIRS
    kinds: dict[str, set[str]] = {
        "type": set(ConditionType),
        "status": set(ConditionStatus),
        "outcome": set(ReadOutcome),
    }
    for query in queries(DASHBOARDS[name]):
        named = set(re.findall(r"\b(?:queueworker|process_|scrape_)\w+", query))
        assert named, query
        assert named <= known, query
        for label, alternatives in re.findall(r'\b(type|status|outcome)!?=~?"([^"]+)"', query):
            assert set(alternatives.split("|")) <= kinds[label], query


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_is_explained_and_the_rows_are_full(name: str) -> None:
    panels = list(DASHBOARDS[name].panels())
    assert len({panel.title for panel in panels}) == len(panels)
    for panel in panels:
        assert panel.description.endswith("."), panel.title
        assert panel.description[0].isupper(), panel.title
    for row in DASHBOARDS[name].rows:
        filled = 0
        for panel in row.panels:
            filled += panel.width
            assert filled <= COLUMNS, f"{panel.title} does not fit beside its neighbours"
            filled %= COLUMNS
        assert filled == 0, f"the last line of {row.title} is not full"


def test_panels_and_runbooks_name_each_other() -> None:
    linked = {
        (alert, dashboard.title, panel.title)
        for dashboard in DASHBOARDS.values()
        for panel in dashboard.panels()
        for alert in panel.runbooks
    }
    named = {
        (alert, title, panel)
        for alert, text in RUNBOOKS.items()
        for title, panels in re.findall(rf"^- ({'|'.join(map(re.escape, BY_TITLE))}): (.+)$", text, re.MULTILINE)
        for panel in re.findall(r"\*\*(.+?)\*\*", panels)
    }
    assert named == linked


def test_an_alert_leads_to_a_dashboard_that_leads_to_its_runbook() -> None:
    """And each alert has a panel, each panel's runbook an alert."""
    for rule in RULES:
        (uid,) = re.findall(r"^/d/([\w-]+)", rule["annotations"]["dashboard_url"])
        (shown,) = [dashboard for dashboard in DASHBOARDS.values() if dashboard.uid == uid]
        assert any(rule["alert"] in panel.runbooks for panel in shown.panels()), rule["alert"]
        chosen = re.findall(r"var-(\w+)={{ \$labels\.(\w+) }}", rule["annotations"]["dashboard_url"])
        assert [name for name, _ in chosen] == [label for _, label in chosen]
        assert {name for name, _ in chosen} <= {variable.name for variable in shown.variables}
    alerts = {alert for shown in DASHBOARDS.values() for panel in shown.panels() for alert in panel.runbooks}
    assert alerts == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_json_is_fresh_and_has_no_address_of_ours(name: str) -> None:
    """Else run `make generate`."""
    text = (CHART / "dashboards" / f"{name}.json").read_text()
    assert text == to_json(DASHBOARDS[name])
    assert "http" not in text
    assert set(re.findall(r'"uid": "(.+)"', text)) == {"${datasource}", DASHBOARDS[name].uid}


def shipped(render: Render, **values: Json) -> dict[str, Json]:
    """Return the dashboards in the chart's ConfigMaps, by the name of the file."""
    maps = of_kind(render({"grafanaDashboards": {"enabled": True}} | values), "ConfigMap")
    return {file: json.loads(text) for found in maps for file, text in found["data"].items()}


def test_the_chart_ships_them_where_the_sidecar_looks(render: Render) -> None:
    assert of_kind(render(), "ConfigMap") == []
    values = {"enabled": True, "namespace": "monitoring", "folder": "Queues", "annotations": {"note": "1"}}
    maps = of_kind(render({"grafanaDashboards": values}), "ConfigMap")
    assert {found["metadata"]["name"] for found in maps} == {
        "demo-queueworkerpool-dashboard-operator",
        "demo-queueworkerpool-dashboard-pools",
    }
    for found in maps:
        assert found["metadata"]["namespace"] == "monitoring"
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert found["metadata"]["annotations"] == {"grafana_folder": "Queues", "note": "1"}


def test_the_shipped_ones_are_the_files_with_the_runbooks_address(render: Render) -> None:
    found = shipped(render, metrics={"prometheusRule": {"runbookBaseUrl": f"{BASE}/"}})
    for name in DASHBOARDS:
        ours = json.loads((CHART / "dashboards" / f"{name}.json").read_text())
        for variable in ours["templating"]["list"]:
            if variable["name"] == "runbooks":
                variable["query"] = BASE
        assert found[f"queueworkerpool-{name}.json"] == ours
        links = [link["url"] for panel in ours["panels"] for link in panel.get("links", ())]
        assert links
        assert {link.removeprefix("${runbooks}/").removesuffix(".md") for link in links} <= RUNBOOKS.keys()


def test_without_an_address_of_the_runbooks_no_panel_links_to_them(render: Render) -> None:
    for dashboard in shipped(render).values():
        assert not any("links" in panel for panel in dashboard["panels"])


def test_alerts_link_to_grafana_where_its_address_is_given(render: Render) -> None:
    values = {"enabled": True, "grafanaUrl": "https://grafana.example/"}
    (given,) = of_kind(render({"metrics": {"prometheusRule": values}}), "PrometheusRule")
    addresses = {rule["alert"]: rule["annotations"]["dashboard_url"] for rule in given["spec"]["groups"][0]["rules"]}
    assert addresses == {
        rule["alert"]: f"https://grafana.example{rule['annotations']['dashboard_url']}" for rule in RULES
    }
