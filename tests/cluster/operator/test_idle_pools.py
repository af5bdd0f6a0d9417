"""An idle pool beside a usual one: the requests that SQS counts, and when a message is seen."""

import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import free_port, wait_until
from testbed.api import NAMESPACE, deployment, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import OperatorProcess, prepare, write_credentials

IDLE_SECONDS = 10
PATIENCE_SECONDS = 60.0


@pytest.fixture
def sqs(tmp_path: Path) -> Iterator[CountingSqs]:
    with CountingSqs(tmp_path / "sqs.log") as running:
        running.set_depths({"usual": 0, "idle": 0})
        yield running


@pytest.fixture
def planes(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Cluster]:
    """A control plane with a pool of each kind, both at zero."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path / "cluster", node=False) as running:
        prepare(running)
        for name, spec in {"usual": {}, "idle": {"idlePollSeconds": IDLE_SECONDS}}.items():
            manifest = pool(name, queue_url(name), 1)
            for each in (deployment(name, 0), manifest | {"spec": manifest["spec"] | spec}):
                running.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=yaml.safe_dump(each))
        yield running


def shown(process: OperatorProcess, name: str, pool: str) -> float | None:
    """One of the metrics of a pool."""
    with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    found = f'queueworkerpool_{name}{{namespace="{NAMESPACE}",pool="{pool}"}} '
    return next((float(line.removeprefix(found)) for line in lines if line.startswith(found)), None)


def test_an_idle_pool_sends_a_tenth_of_the_requests_until_its_first_message(
    planes: Cluster, sqs: CountingSqs, tmp_path: Path
) -> None:
    variables = {"KUBECONFIG": str(write_credentials(planes, tmp_path / "kubeconfig")), **sqs.env}
    process = OperatorProcess(log=tmp_path / "operator.log", port=free_port(), variables=variables)
    with process.running():
        wait_until(
            lambda: shown(process, "reading_interval_seconds", "idle") == IDLE_SECONDS,
            PATIENCE_SECONDS,
            "the pool did not become idle",
        )
        usual, idle = (shown(process, "readings_monthly_cost_usd", name) for name in ("usual", "idle"))
        assert usual == pytest.approx(IDLE_SECONDS * idle if idle else 0)
        begun = time.monotonic()
        wait_until(
            lambda: len([call for call in sqs.calls()["idle"] if call > begun]) == 5,
            PATIENCE_SECONDS,
            "the idle queue was not read five times",
        )
        # The first may be the last usual one: a scrape shows what the next tick will do.
        _, first, *_, last = (call for call in sqs.calls()["idle"] if call > begun)
        # Three intervals, of which the first may begin late; on a slow machine the usual pool is read less often, too.
        assert last - first > 2 * IDLE_SECONDS
        assert len([call for call in sqs.calls()["usual"] if first < call <= last]) >= 3 * 3
        sent = sqs.set_depths({"idle": 10})
        wait_until(lambda: size(planes, "idle") == "2", PATIENCE_SECONDS, "the message was not seen")
        seen = min(call for call in sqs.calls()["idle"] if call > sent)
        assert seen - sent < 2 * IDLE_SECONDS
        wait_until(
            lambda: len([call for call in sqs.calls()["idle"] if call > seen]) >= 5,
            PATIENCE_SECONDS,
            "it was not read any more",
        )
        after = [call for call in sqs.calls()["idle"] if call > seen]
        assert after[4] - after[0] < 2 * IDLE_SECONDS, "and every second again: four idle intervals are twice as long"
    assert "Traceback" not in process.log.read_text()


def size(cluster: Cluster, name: str) -> str:
    return cluster.kubectl("-n", NAMESPACE, "get", "deployment", name, "-o", "jsonpath={.spec.replicas}")
