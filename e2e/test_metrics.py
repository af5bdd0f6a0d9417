"""A Prometheus in the cluster scrapes operator and workers, loads the chart's alerts, and answers PromQL."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.errors import UnavailableError
from devcluster.images import Build
from e2e.backends import Backend
from e2e.pools import READMES_QUEUE, sqs
from e2e.world import ROOT, SYSTEM, World, eventually

ALERTS = ROOT / "charts/queueworkerpool/alerts.yaml"
NAMESPACE = "prometheus"
IMAGE = "qwp-e2e-prometheus:1"
DOCKERFILE = """\
ARG BASE=debian:bookworm-slim
FROM ${BASE}
COPY prometheus promtool /usr/bin/
USER 65532:65532
ENTRYPOINT ["prometheus"]
"""


def discovery(service: str, port: int) -> dict[str, Any]:
    """Return how Prometheus finds what is behind a Service."""
    return {"names": [f"{service}.svc.cluster.local"], "type": "A", "port": port, "refresh_interval": "1s"}


CONFIGURATION = {
    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
    "rule_files": ["/etc/prometheus/alerts.yaml"],
    # By DNS, because Debian builds Prometheus without the discovery of Kubernetes.
    "scrape_configs": [
        {"job_name": "prometheus", "static_configs": [{"targets": ["localhost:9090"]}]},
        {"job_name": "operator", "dns_sd_configs": [discovery(f"queueworkerpool-metrics.{SYSTEM}", 9090)]},
        {"job_name": "workers", "dns_sd_configs": [discovery("workers.default", 8081)]},
    ],
}


WORKERS = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "workers"},
    # Without an address of its own, its name stands for its pods; also before they are ready.
    "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"app": "thumbnailer"}},
}


@pytest.fixture(scope="module")
def prometheus(world: World, backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Prometheus that scrapes the operator's Service and the workers of the quickstart."""
    context = tmp_path_factory.mktemp("prometheus")
    _collect_programs(context)
    (context / "Dockerfile").write_text(DOCKERFILE)
    base = backend.base()
    backend.build(Build(IMAGE, context, arguments={"BASE": base} if base else {}))
    backend.load([IMAGE])
    world.kubectl("create", "namespace", NAMESPACE)
    world.apply(WORKERS)
    world.apply(*_objects(), namespace=NAMESPACE)
    world.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/prometheus", "--timeout=2m")
    yield
    world.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    world.kubectl("delete", "service", "workers")


@pytest.fixture
def three_workers(world: World) -> Iterator[None]:
    """The quickstart's pool has three workers at least, also when there is nothing to do."""
    set_minimum(world, 3)
    yield
    set_minimum(world, 0)


def set_minimum(world: World, replicas: int) -> None:
    patch = json.dumps({"spec": {"minReplicas": replicas}})
    world.kubectl("patch", "queueworkerpool", "thumbnails", "--type=merge", f"--patch={patch}")


@pytest.mark.usefixtures("prometheus", "three_workers")
def test_the_operator_and_every_worker_are_scraped_and_answer_promql(world: World) -> None:
    sqs(world, "send", READMES_QUEUE, "30")
    eventually(lambda: ask(world, 'up{job="operator"}') == [1.0], 60, "a scrape of the operator")
    eventually(lambda: sum(ask(world, 'up{job="workers"}')) >= 3, 90, "scrapes of workers")
    eventually(
        lambda: sum(ask(world, 'queueworkerpool_desired_replicas{namespace="default"}')) >= 3, 30, "the pool's size"
    )
    eventually(
        lambda: sum(ask(world, "queueworker_messages_succeeded_total")) > 0, 90, "messages in the workers' metrics"
    )
    assert sum(ask(world, "queueworkerpool_leader")) == 1.0


@pytest.mark.usefixtures("prometheus")
def test_the_charts_alerts_are_evaluated_without_an_error(world: World) -> None:
    alerts = ALERTS.read_text().count("- alert: ")
    eventually(lambda: ask(world, "sum(prometheus_rule_group_rules)") == [alerts], 60, "the loading of all alerts")
    eventually(lambda: sum(ask(world, "sum(prometheus_rule_evaluations_total)")) >= alerts, 60, "their evaluation")
    assert ask(world, "sum(prometheus_rule_evaluation_failures_total)") == [0.0]


def ask(world: World, query: str) -> list[float]:
    """Return the values of what QUERY gives."""
    answer = world.kubectl(
        *("-n", NAMESPACE, "exec", "deployment/prometheus", "--"),
        *("promtool", "query", "instant", "--format=json", "http://localhost:9090", query),
    )
    return [float(each["value"][1]) for each in json.loads(answer)]


def _collect_programs(context: Path) -> None:
    for program in ("prometheus", "promtool"):
        found = shutil.which(program)
        if found is None:
            raise UnavailableError("this test needs Prometheus: apt-get install prometheus")
        shutil.copy(found, context / program)


def _objects() -> list[dict[str, Any]]:
    files = {
        "prometheus.yml": json.dumps(CONFIGURATION),
        "alerts.yaml": ALERTS.read_text(),
    }
    labels = {"app": "prometheus"}
    container = {
        "name": "prometheus",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data"],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 1},
        "volumeMounts": [{"name": "files", "mountPath": "/etc/prometheus"}, {"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"fsGroup": 65532},
        "containers": [container],
        "volumes": [{"name": "files", "configMap": {"name": "files"}}, {"name": "data", "emptyDir": {}}],
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "files"}, "data": files},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "prometheus"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
    ]
