"""Every query of dashboards and planner has data in a real Prometheus that scrapes as examples/monitoring says."""

import json
import math
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from devcluster import Cluster
from queueplanner.sources.past import read_past
from queueworkerpool import prometheus
from queueworkerpool.model import NamespacedName
from tests.cluster.operator.conftest import CHART, NAMESPACE, Operator, Shop
from tests.cluster.operator.prometheus import MISSING, Prometheus

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "examples" / "monitoring"
POOL, DEPLOYMENT = "thumbnails", "thumbnailer"
"""The names in examples/quickstart.yaml."""

SCRAPES = {"queueworkerpool-operator", "queueworkerpool-workers"}
ANSWER_SECONDS = 90.0


def targets(cluster: Cluster, *namespaces: str) -> Iterator[dict[str, Any]]:
    """Yield what Prometheus' discovery of pods finds: one target for each port of a container.

    Debian's Prometheus is built without this discovery; its labels, and what relabels them, are the same.
    """
    for namespace in namespaces:
        for pod in json.loads(cluster.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]:
            labels = {"namespace": namespace, "pod_name": pod["metadata"]["name"], "pod_phase": pod["status"]["phase"]}
            for name, value in pod["metadata"]["labels"].items():
                labels[f"pod_label_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}"] = value
            for container in pod["spec"]["containers"]:
                for port in container.get("ports", ()):
                    own = {"pod_container_name": container["name"], "pod_container_port_name": port["name"]}
                    meta = {f"__meta_kubernetes_{name}": value for name, value in (labels | own).items()}
                    yield {"targets": [f"{pod['status']['podIP']}:{port['containerPort']}"], "labels": meta}


@pytest.fixture
def example(cluster: Cluster, namespace: str) -> Callable[[], list[dict[str, Any]]]:
    """Returns the scrape jobs of the example, with the pods of now in place of the discovery."""

    def jobs() -> list[dict[str, Any]]:
        found = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["scrape_configs"]
        for job in found:
            assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
            job["static_configs"] = list(targets(cluster, NAMESPACE, namespace))
        return list(found)

    return jobs


@pytest.fixture
def start_prometheus(
    tmp_path: Path, example: Callable[[], list[dict[str, Any]]], unavailable: Callable[[str], NoReturn]
) -> Iterator[Callable[[], Prometheus]]:
    """Returns the function that starts a server on the pods of now."""
    if not shutil.which("prometheus"):
        unavailable(MISSING)
    started: list[Prometheus] = []

    def start() -> Prometheus:
        started.append(Prometheus(tmp_path, example()))
        started[0].program.start()
        return started[0]

    yield start
    for server in started:
        server.program.stop()


def run_quickstart(shop: Shop, queue: str) -> None:
    """Create the Deployment of the quickstart, with the worker of this environment, and a pool of its name."""
    deployment, pool = yaml.safe_load_all((ROOT / "examples" / "quickstart.yaml").read_text())
    assert (deployment["metadata"]["name"], pool["metadata"]["name"]) == (DEPLOYMENT, POOL)
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    url = shop.client.get_queue_url(QueueName=queue)["QueueUrl"]
    container["command"] = [str(Path(sys.executable).with_name("queueworker"))]
    container["args"] = [f"--queue={url}", "--exec=sleep 0.5", "--grace-seconds=1"]
    container["env"] = [{"name": name, "value": value} for name, value in shop.sqs.env.items()]
    spec["terminationGracePeriodSeconds"] = 5
    shop.apply(deployment)
    shop.pool(POOL, queue, DEPLOYMENT, minReplicas=2, maxReplicas=5)
    shop.eventually(lambda: shop.ready(DEPLOYMENT) == 2, 60, "the workers did not become ready")


def dashboards() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in (CHART / "dashboards").glob("*.json")}


def queries(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield title and PromQL of each query of a dashboard, annotations included."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield f"{panel['title']}: {target['legendFormat']}", target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def variables(dashboard: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Return selector, label and the expression for All of each variable with a query."""
    found = {}
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", each["query"]).groups()  # type: ignore[union-attr] # else the test fails
            found[each["name"]] = (selector, label, each["allValue"])
    return found


def substituted(text: str, chosen: Mapping[str, str]) -> str:
    """Return a query as Grafana sends it."""
    for name, value in chosen.items():
        text = re.sub(rf"\${name}\b", value, text)
    assert "$" not in text, f"a variable is left: {text}"
    return text


def has_data(prometheus: Prometheus, promql: str) -> bool:
    return any(not math.isnan(value) for _, value in prometheus.query(promql))


def offered(prometheus: Prometheus, label: str, selector: str, value: str) -> bool:
    return value in prometheus.label_values(label, selector)


def had_data(prometheus: Prometheus, promql: str) -> bool:
    """Return whether a query has data at some time: what changes for a minute may be over when it is asked for."""
    return any(not math.isnan(value) for value in prometheus.past(promql))


def unanswered(prometheus: Prometheus, asked: Mapping[str, str]) -> dict[str, str]:
    """Return the queries that never had data, asked again until each has had some."""
    left, end = dict(asked), time.monotonic() + ANSWER_SECONDS
    while left and time.monotonic() < end:
        left = {title: promql for title, promql in left.items() if not had_data(prometheus, promql)}
        time.sleep(0.2)
    return left


def test_every_query_of_the_dashboards_has_data(
    shop: Shop, operator: Operator, start_prometheus: Callable[[], Prometheus]
) -> None:
    """For all pools, and for the one that is chosen. A restart of the operator is provoked at the end."""
    queue = shop.queue(POOL)
    run_quickstart(shop, queue)
    prometheus = start_prometheus()
    shop.eventually(lambda: has_data(prometheus, "queueworker_concurrency"), 60, "no worker is scraped")
    shop.eventually(lambda: has_data(prometheus, "queueworkerpool_leader"), 60, "the operator is not scraped")
    shop.send(queue, 60)
    here = {"__rate_interval": "5m", "cluster": ".*", "job": "queueworkerpool-operator"}
    one = here | {"namespace": shop.namespace, "pool": POOL}
    asked: dict[str, str] = {}
    for name, dashboard in dashboards().items():
        everything = here | {variable: all_of for variable, (_, _, all_of) in variables(dashboard).items()}
        for choice, chosen in (("all", everything), ("one", one)):
            asked |= {f"{name}, {choice}, {title}": substituted(promql, chosen) for title, promql in queries(dashboard)}
    changes = {title: asked.pop(title) for title in list(asked) if "changes of the leader" in title}
    assert unanswered(prometheus, asked) == {}
    operator.kill_and_wait()
    assert len(changes) == 2
    assert unanswered(prometheus, changes) == {}


def test_the_planner_finds_what_was_sent_and_what_the_workers_are_like(
    shop: Shop, start_prometheus: Callable[[], Prometheus]
) -> None:
    run_quickstart(shop, queue := shop.queue(POOL))
    shop.pool(POOL, queue, DEPLOYMENT, minReplicas=2, maxReplicas=2)  # pods that come later would not be scraped
    server = start_prometheus()
    begun = (
        "count(queueworker_concurrency offset 10s) == 2 and on () sum(queueworkerpool_queue_messages offset 10s) == 0"
    )
    shop.eventually(lambda: has_data(server, begun), 120, "operator and workers were not scraped for ten seconds")
    shop.send(queue, 20)
    handled = (  # for long enough that the last steps do not end between what the workers say and the queue's count
        "min_over_time(sum(queueworker_messages_deleted_total)[15s:1s]) == 20"
        " and on () max_over_time(sum(queueworkerpool_queue_messages)[15s:1s]) == 0"
    )
    shop.eventually(lambda: has_data(server, handled), 120, "20 messages were not handled")
    ago, now, step = timedelta(minutes=5), datetime.now(UTC), timedelta(seconds=5)
    past = read_past(prometheus.Prometheus(server.url), NamespacedName(shop.namespace, POOL), ago, now, step)
    assert sum(interval.messages for interval in past.load.intervals) == 20
    assert past.workers.service is not None
    assert 0.3 <= past.workers.service.mean_seconds < 5, "half a second, and a process has to start"
    assert past.workers.concurrency == 10, "the worker's default"
    assert set(past.asked.values()) == {2}
    assert past.waits is not None


def test_the_variables_offer_what_there_is(shop: Shop, start_prometheus: Callable[[], Prometheus]) -> None:
    run_quickstart(shop, shop.queue(POOL))
    prometheus = start_prometheus()
    expected = {"job": "queueworkerpool-operator", "namespace": shop.namespace, "pool": POOL}
    chosen = expected | {"cluster": ".*"}
    for dashboard in dashboards().values():
        for name, (selector, label, _) in variables(dashboard).items():
            if name == "cluster":  # a label that only some give their clusters, outside of what is scraped
                continue
            offers = partial(offered, prometheus, label, substituted(selector, chosen), expected[name])
            shop.eventually(offers, 60, f"the variable {name} does not offer {expected[name]}")


def test_promtool_finds_nothing_to_object_to_in_the_example(
    shop: Shop, start_prometheus: Callable[[], Prometheus]
) -> None:
    assert shop.namespace
    promtool = str(shutil.which("promtool"))
    argv = [promtool, "check", "config", str(start_prometheus().config)]
    checked = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS" in checked.stdout
