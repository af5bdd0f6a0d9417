"""Real operators of which one part dies: each says so at /livez, in time for the kubelet to begin it anew."""

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

from benchmarks.api import deployment, pool
from benchmarks.bed import credentials_of, is_ready, operator_program, prepare
from benchmarks.counting_sqs import CountingSqs, queue_url
from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import Program, free_port, wait_until

ROOT = Path(__file__).parents[3]
PROMISED_SECONDS = 60.0
START_SECONDS = 60.0
TOLD = {
    "none": "",
    "loop": "the event loop is frozen",
    "watch": "the watch of queueworkerpools is dead",
    "queues": "a thread of the queues' door is stuck",
    "cluster": "a thread of the cluster's door is stuck",
    "scheduler": "and nobody begins",
}
"""What /livez says, by the part that died."""


@dataclass(frozen=True)
class Zombie:
    """An operator with a namespace and a pool of its own."""

    part: str
    program: Program
    port: int

    def livez(self) -> str:
        """What it says against being alive; empty when it is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=5):
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
        credentials = credentials_of(cluster, tmp_path / "kubeconfig")
        sqs.set_depths(dict.fromkeys(TOLD, 10))
        made = [started(part, credentials, sqs, tmp_path, running) for part in TOLD]
        for part in TOLD:
            cluster.kubectl("create", "namespace", part)
            for manifest in (deployment(part, 0), pool(part, queue_url(part), 1)):
                cluster.kubectl("-n", part, "apply", "-f", "-", input=yaml.safe_dump(manifest))
        wait_until(lambda: all(is_ready(each.port) for each in made), START_SECONDS, "they are not ready")
        wait_until(lambda: sizes(cluster) == dict.fromkeys(TOLD, 2), START_SECONDS, "they do not scale")
        yield made


def started(part: str, credentials: Path, sqs: CountingSqs, folder: Path, running: ExitStack) -> Zombie:
    port = free_port()
    own = {"KUBECONFIG": str(credentials), "QWP_NAMESPACES": part, "PYTHONPATH": str(ROOT), **sqs.env}
    program = operator_program(folder / f"{part}.log", port, own)
    program.argv[2:] = ["tests.cluster.faults.zombie", part]
    program.start()
    running.callback(program.kill)
    return Zombie(part, program, port)


def sizes(cluster: Cluster) -> dict[str, int]:
    listed = yaml.safe_load(cluster.kubectl("get", "deployments", "-A", "-o", "yaml"))["items"]
    return {item["metadata"]["name"]: item["spec"]["replicas"] for item in listed}


def test_whichever_part_dies_livez_says_so_within_a_minute(zombies: list[Zombie], sqs: CountingSqs) -> None:
    assert [each.livez() for each in zombies] == [""] * len(zombies)
    began = time.monotonic()
    for each in zombies:
        os.kill(each.program.pid, signal.SIGUSR1)
    sqs.set_depths(dict.fromkeys(TOLD, 20))  # something to write
    told: dict[str, str] = {}
    while len(told) < len(TOLD) - 1 and time.monotonic() - began < PROMISED_SECONDS:
        told |= {each.part: said for each in zombies if each.part not in told and (said := each.livez())}
        time.sleep(0.2)
    assert {part: TOLD[part] for part in told if TOLD[part] in told[part]} == {k: v for k, v in TOLD.items() if v}, told
