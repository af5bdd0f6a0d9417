"""Real operators of which one part dies: each reports it at /livez.

How soon is in docs/reliability.md, and tests/adapters/operator shows it; deadlines here are generous.
"""

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import Program, free_port, wait_until
from testbed.api import deployment, pool
from testbed.counting_sqs import CountingSqs, queue_url
from testbed.operators import OperatorProcess, is_ready, prepare, write_credentials

ROOT = Path(__file__).parents[3]
REPORT_TIMEOUT_SECONDS = 120.0
READY_TIMEOUT_SECONDS = 90.0
REPORTED = {
    "none": "",
    "loop": "the event loop is frozen",
    "watch": "the watch of queueworkerpools is dead",
    "queues": "a thread of the queue client is stuck",
    "cluster": "a thread of the cluster client is stuck",
    "scheduler": "and its tick has not begun",
}
"""What /livez reports, by the part that died."""


@dataclass(frozen=True)
class Zombie:
    """An operator with a namespace and a pool of its own."""

    part: str
    program: Program
    port: int

    def livez(self) -> str:
        """Return why it is not alive; empty when it is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=60):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                return str(error.read().decode())


@pytest.fixture
def sqs(tmp_path: Path) -> Iterator[CountingSqs]:
    with CountingSqs(tmp_path / "sqs.log") as running:
        yield running


@pytest.fixture
def zombies(tmp_path: Path, sqs: CountingSqs, unavailable: Callable[[str], NoReturn]) -> Iterator[list[Zombie]]:
    """One operator for each part that may die, ready, with a pool that it has scaled."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    with Cluster(tmp_path / "cluster", node=False) as cluster, ExitStack() as running:
        prepare(cluster)
        credentials = write_credentials(cluster, tmp_path / "kubeconfig")
        sqs.set_depths(dict.fromkeys(REPORTED, 10))
        all_parts = [started(part, credentials, sqs, tmp_path, running) for part in REPORTED]
        for part in REPORTED:
            cluster.kubectl("create", "namespace", part)
            for manifest in (deployment(part, 0), pool(part, queue_url(part), 1)):
                cluster.kubectl("-n", part, "apply", "-f", "-", input=yaml.safe_dump(manifest))
        wait_until(lambda: all(is_ready(each.port) for each in all_parts), READY_TIMEOUT_SECONDS, "they are not ready")
        wait_until(lambda: sizes(cluster) == dict.fromkeys(REPORTED, 2), READY_TIMEOUT_SECONDS, "they do not scale")
        yield all_parts


def started(part: str, credentials: Path, sqs: CountingSqs, folder: Path, running: ExitStack) -> Zombie:
    own = {"KUBECONFIG": str(credentials), "QWP_NAMESPACES": part, "PYTHONPATH": str(ROOT), **sqs.env}
    process = OperatorProcess(log=folder / f"{part}.log", port=free_port(), variables=own)
    program = process.program("-m", "tests.cluster.faults.zombie", part)
    program.start()
    running.callback(program.kill)
    return Zombie(part, program, process.port)


def sizes(cluster: Cluster) -> dict[str, int]:
    listed = yaml.safe_load(cluster.kubectl("get", "deployments", "-A", "-o", "yaml"))["items"]
    return {item["metadata"]["name"]: item["spec"]["replicas"] for item in listed}


def test_whichever_part_dies_livez_reports_it(zombies: list[Zombie], sqs: CountingSqs) -> None:
    assert [each.livez() for each in zombies] == [""] * len(zombies)
    began = time.monotonic()
    for each in zombies:
        os.kill(each.program.pid, signal.SIGUSR1)
    sqs.set_depths(dict.fromkeys(REPORTED, 20))  # something to write
    seen: dict[str, str] = {}
    while len(seen) < len(REPORTED) - 1 and time.monotonic() - began < REPORT_TIMEOUT_SECONDS:
        seen |= {each.part: text for each in zombies if each.part not in seen and (text := each.livez())}
        time.sleep(0.2)
    expected = {part: text for part, text in REPORTED.items() if text}
    assert {part: REPORTED[part] for part in seen if REPORTED[part] in seen[part]} == expected, seen
