"""The examples of scrapes: the PodMonitor is well formed, and chooses the same pods and labels as the plain jobs."""

from typing import Any

import yaml

from dashboards.pools import POOLS
from tests.chart.objects import ROOT, Json

MONITORING = ROOT / "examples" / "monitoring"
SETS_ITSELF = {"namespace", "pod"}
"""Labels that the Prometheus operator gives to the targets of every PodMonitor."""

POD_MONITOR: Json = yaml.safe_load((MONITORING / "podmonitor.yaml").read_text())
JOBS: dict[str, Json] = {
    job["job_name"]: job for job in yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"]
}
DEPLOYMENT: Json = next(iter(yaml.safe_load_all((ROOT / "examples" / "quickstart.yaml").read_text())))


def relabelled(job: Json) -> dict[str, str]:
    """Return the source of each label that a job sets."""
    return {
        rule["target_label"]: ";".join(rule["source_labels"])
        for rule in job["relabel_configs"]
        if "target_label" in rule
    }


def kept(job: Json) -> dict[str, str]:
    """Return what a job demands of targets, by the source."""
    return {
        ";".join(rule["source_labels"]): rule["regex"]
        for rule in job["relabel_configs"]
        if rule.get("action") == "keep"
    }


def test_the_pod_monitor_has_only_fields_that_there_are() -> None:
    """By the reference of monitoring.coreos.com/v1: an unknown field would be dropped without a word."""
    assert (POD_MONITOR["apiVersion"], POD_MONITOR["kind"]) == ("monitoring.coreos.com/v1", "PodMonitor")
    assert POD_MONITOR["spec"].keys() == {"namespaceSelector", "selector", "podMetricsEndpoints"}
    assert POD_MONITOR["spec"]["namespaceSelector"] == {"any": True}
    (endpoint,) = POD_MONITOR["spec"]["podMetricsEndpoints"]
    assert endpoint.keys() == {"port", "path", "relabelings"}
    assert all(rule.keys() == {"sourceLabels", "targetLabel"} for rule in endpoint["relabelings"])


def test_both_examples_choose_the_same_pods_and_set_the_same_labels() -> None:
    job, (endpoint,) = JOBS["queueworkerpool-workers"], POD_MONITOR["spec"]["podMetricsEndpoints"]
    plain, monitor = relabelled(job), {rule["targetLabel"]: rule["sourceLabels"] for rule in endpoint["relabelings"]}
    assert {label: [source] for label, source in plain.items() if label not in SETS_ITSELF} == monitor
    assert plain.keys() == {"pool"} | SETS_ITSELF
    (chosen,) = POD_MONITOR["spec"]["selector"]["matchExpressions"]
    assert chosen == {"key": "queueworker.dev/pool", "operator": "Exists"}
    assert kept(job) == {
        "__meta_kubernetes_pod_label_queueworker_dev_pool": ".+",
        "__meta_kubernetes_pod_container_port_name": endpoint["port"],
    }
    assert (job.get("metrics_path", "/metrics"), "honor_labels" in job) == (endpoint["path"], False)


def test_the_labels_are_those_of_the_dashboard_of_pools() -> None:
    chosen = {variable.label for variable in POOLS.variables} - {"cluster"}
    assert chosen <= relabelled(JOBS["queueworkerpool-workers"]).keys()
    assert JOBS["queueworkerpool-operator"]["honor_labels"] is True


def test_the_quickstarts_pods_have_what_the_examples_look_for() -> None:
    pod: dict[str, Any] = DEPLOYMENT["spec"]["template"]
    pool = list(yaml.safe_load_all((ROOT / "examples" / "quickstart.yaml").read_text()))[1]
    assert pod["metadata"]["labels"]["queueworker.dev/pool"] == pool["metadata"]["name"]
    assert [port["name"] for port in pod["spec"]["containers"][0]["ports"]] == ["state"]
