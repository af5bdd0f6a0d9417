"""The alerts: each fires, stays silent and resolves as it should, by promtool; its metrics and its runbook exist."""

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from prometheus_client import CollectorRegistry

from queueworkerpool.names import ConditionStatus, ConditionType
from queueworkerpool.report.metrics import Metrics
from tests.chart.objects import CHART, ROOT, Json, Render, of_kind
from tests.chart.rows_of_alerts import ROWS, Series, Verdicts, condition

ALERTS = CHART / "alerts.yaml"
RULES: list[Json] = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
RUNBOOKS = ROOT / "docs" / "runbooks"


@pytest.fixture(scope="module")
def promtool(unavailable: Callable[[str], NoReturn]) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    program = shutil.which("promtool")
    if program is None:
        unavailable("promtool is missing: install it (Debian: apt-get install prometheus).")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)

    return run


def unit_test(alert: str, series: Series, verdicts: Verdicts) -> Json:
    firing = f'count(ALERTS{{alertname="QueueWorkerPool{alert}",alertstate="firing"}}) or vector(0)'
    expected = [
        {"expr": firing, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": int(fires)}]}
        for minute, fires in verdicts.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": given, "promql_expr_test": expected}


def write(path: Path, *tests: Any) -> str:
    path.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": list(tests)}))
    return str(path)


@pytest.mark.parametrize("row", ROWS)
def test_an_alert_fires_and_resolves(row: str, tmp_path: Path, promtool: Callable[..., Any]) -> None:
    ran = promtool("test", "rules", write(tmp_path / "test.yaml", unit_test(*ROWS[row])))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_has_a_row_in_which_it_is_silent_fires_and_resolves() -> None:
    courses = {(alert, fires) for alert, _, verdicts in ROWS.values() for fires in [tuple(verdicts.values())]}
    for rule in RULES:
        name = rule["alert"].removeprefix("QueueWorkerPool")
        assert any(known == name and not fires[0] and any(fires) and not fires[-1] for known, fires in courses), name


def test_an_alert_says_which_pool_it_is_about(tmp_path: Path, promtool: Callable[..., Any]) -> None:
    (rule,) = [rule for rule in RULES if rule["alert"] == "QueueWorkerPoolQueueUnreadable"]
    texts = {key: re.sub(r"{{ \$labels\.(\w+) }}", r"<\1>", text) for key, text in rule["annotations"].items()}
    texts = {key: text.replace("<namespace>", "shop").replace("<pool>", "thumbnails") for key, text in texts.items()}
    labels = {"severity": "warning", "namespace": "shop", "pool": "thumbnails"}
    expected = {"alertname": rule["alert"], "eval_time": "12m"}
    expected["exp_alerts"] = [{"exp_labels": labels, "exp_annotations": texts}]
    unreadable = unit_test("QueueUnreadable", condition("QueueReachable", "False", "1x60"), {})
    ran = promtool("test", "rules", write(tmp_path / "test.yaml", unreadable | {"alert_rule_test": [expected]}))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "shop/thumbnails" in texts["summary"]


def test_promtool_finds_nothing_to_object_to(promtool: Callable[..., Any]) -> None:
    ran = promtool("check", "rules", str(ALERTS))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_metric_and_condition_of_an_alert_exists() -> None:
    registry = CollectorRegistry()
    Metrics(registry, "", lambda: datetime.now(UTC))
    parts = {"counter": ("_total",), "histogram": ("_count", "_bucket"), "gauge": ("",), "info": ("_info",)}
    known = {family.name + part for family in registry.collect() for part in parts[family.type]}
    kinds, statuses = {kind.value for kind in ConditionType}, {status.value for status in ConditionStatus}
    for rule in RULES:
        assert set(re.findall(r"queueworkerpool_\w+", rule["expr"])) <= known
        assert set(re.findall(r'type="(\w+)"', rule["expr"])) <= kinds
        assert set(re.findall(r'status="(\w+)"', rule["expr"])) <= statuses


def test_every_alert_is_explained_and_has_its_runbook() -> None:
    for rule in RULES:
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url", "dashboard_url"}
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {rule["alert"] for rule in RULES}
    for path in RUNBOOKS.glob("*.md"):
        head, *sections = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
        assert (head, sections) == (path.stem, ["Meaning", "Impact", "Diagnosis", "Remedy"])


def test_the_chart_makes_a_prometheus_rule_of_the_file(render: Render) -> None:
    assert of_kind(render(), "PrometheusRule") == []
    (plain,) = of_kind(render({"metrics": {"prometheusRule": {"enabled": True}}}), "PrometheusRule")
    assert plain["spec"] == yaml.safe_load(ALERTS.read_text())
    values = {"enabled": True, "labels": {"release": "prometheus"}, "runbookBaseUrl": "https://wiki.example/qwp/"}
    (addressed,) = of_kind(render({"metrics": {"prometheusRule": values}}), "PrometheusRule")
    assert addressed["metadata"]["labels"]["release"] == "prometheus"
    for rule in addressed["spec"]["groups"][0]["rules"]:
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example/qwp/{rule['alert']}.md"
