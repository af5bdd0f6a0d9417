"""A real Prometheus server scrapes the operator and answers for it."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import yaml
from click.testing import CliRunner

from devcluster.processes import wait_until
from queueworkerpool.__main__ import main
from tests.cluster.operator.conftest import Operator, Shop
from tests.cluster.operator.prometheus import ALERTS, MISSING, Prometheus


@pytest.fixture
def prometheus(operator: Operator, tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Prometheus]:
    if not shutil.which("prometheus"):
        unavailable(MISSING)
    scrape = {"job_name": "operator", "static_configs": [{"targets": [operator.address]}]}
    server = Prometheus(tmp_path, [scrape])
    server.program.start()
    yield server
    server.program.stop()


def test_prometheus_answers_for_the_desired_replicas(shop: Shop, prometheus: Prometheus) -> None:
    queue = shop.queue("seen")
    shop.deployment("seen")
    shop.send(queue, 35)
    shop.pool("seen", queue)
    shop.eventually(lambda: shop.replicas("seen") == 7, 60, "the pool did not grow")
    promql = f'queueworkerpool_desired_replicas{{namespace="{shop.namespace}",pool="seen"}}'
    wait_until(lambda: [value for _, value in prometheus.query(promql)] == [7.0], 60, "no answer of 7 desired replicas")
    writes = f'sum(queueworkerpool_scale_writes_total{{namespace="{shop.namespace}",direction="up"}})'
    wait_until(lambda: [value for _, value in prometheus.query(writes)] == [1.0], 60, "no answer of one write")


def test_a_dry_run_is_compared_with_the_size_that_another_writer_set(
    shop: Shop, prometheus: Prometheus, tmp_path: Path
) -> None:
    shop.deployment("compared", replicas=3)
    shop.send(queue := shop.queue("compared"), 35)
    shop.pool("compared", queue, mode="DryRun")
    shop.eventually(lambda: shop.status("compared").get("desiredReplicas") == 7, 60, "nothing was recommended")
    shop.kubectl("scale", "deployment", "compared", "--replicas=5")
    of_pool = f'{{namespace="{shop.namespace}",pool="compared"}}'
    theirs = f"queueworkerpool_current_replicas{of_pool}"
    # The past is asked for at whole seconds, so that it must be there for longer than one.
    past = f"{theirs} offset 2s"
    wait_until(lambda: [value for _, value in prometheus.query(past)] == [5.0], 60, "the other size is not recorded")
    asked = ("--kubeconfig", str(shop.cluster.kubeconfig), "--prometheus", prometheus.url, "--since", "5m")
    drawn = tmp_path / "compared.svg"
    command = ["compare", f"{shop.namespace}/compared", *asked, "-o", "json", "--picture", str(drawn)]
    document = json.loads(CliRunner().invoke(main, command, catch_exceptions=False).stdout)
    moment = document["past"]["moments"][-1]
    assert (moment["backlog"], moment["ours"], moment["theirs"]) == (35, 7, 5)
    assert (document["now"]["ours"], document["now"]["theirs"], document["now"]["mode"]) == (7, 5, "DryRun")
    assert drawn.read_text().startswith("<svg ")


def test_prometheus_evaluates_the_alerts(prometheus: Prometheus) -> None:
    names = {rule["alert"] for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]}
    wait_until(lambda: prometheus.rules() == dict.fromkeys(names, "ok"), 60, "not every alert is evaluated")


def test_promtool_finds_nothing_to_object_to(
    shop: Shop, operator: Operator, unavailable: Callable[[str], NoReturn]
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        unavailable(MISSING)
    shop.deployment("checked")
    shop.pool("checked", shop.queue("checked"))
    shop.eventually(lambda: shop.namespace in operator.get("/metrics"), 60, "the pool is not in the metrics")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=operator.get("/metrics"), capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
