"""Faults of real operators, from their live /metrics to the alerts: exactly its own alert fires, and it resolves."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from devcluster import Cluster, UnavailableError, tools
from devcluster.processes import wait_until
from testbed.counting_sqs import CountingSqs
from testbed.operators import is_ready, prepare, write_credentials
from tests.cluster.alerts import faults_of_operators, faults_of_pools
from tests.cluster.alerts.injections import Injection
from tests.cluster.alerts.policies import POLICIES
from tests.cluster.alerts.site import Site
from tests.cluster.alerts.timeline import MINUTES_PER_SCRAPE, Timeline, unit_test

ROOT = Path(__file__).parents[3]
ALERTS = ROOT / "charts" / "queueworkerpool" / "alerts.yaml"
RELIABILITY = ROOT / "docs" / "reliability.md"
FAULTS: Sequence[Injection] = (*faults_of_operators.FAULTS, *faults_of_pools.FAULTS)
JOBS = list(dict.fromkeys(each.job for each in FAULTS))

CALM, FAULTY, HEALED = 2, 5, 4
"""Scrapes before, during and after the faults: half an hour and more between the first and the last of the faults."""

SCRAPE_SECONDS = 2.1
"""For two seconds /metrics shows the same."""

START_SECONDS, SHOW_SECONDS = 180.0, 120.0

pytestmark = pytest.mark.timeout(900)  # the first test waits for everything: it takes 80 s, and more on a busy machine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> Iterator[Site]:
    """Operators and pools, all calm."""
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    folder = tmp_path_factory.mktemp("alerts")
    for name in ("busy", "requested"):
        (folder / name).mkdir()
    with CountingSqs(folder / "sqs.log") as sqs, Cluster(folder / "cluster") as cluster:
        prepare(cluster)
        cluster.kubectl("create", "namespace", faults_of_pools.JOB)
        made = Site(cluster, sqs, folder)
        made.apply("default", POLICIES)
        credentials = write_credentials(cluster, folder / "kubeconfig")
        made.add(faults_of_pools.JOB, "a", credentials)
        faults_of_operators.create(made, credentials)
        processes = [process for job in made.processes.values() for process in job.values()]
        second = made.processes["unaware"]["b"]  # the other one is to lead
        try:
            for process in processes:
                if process is not second:
                    process.program.start()
            faults_of_pools.create(made)
            wait_until(
                lambda: all(is_ready(each.port) for each in processes if each is not second),
                START_SECONDS,
                "the operators are not ready",
            )
            wait_until(lambda: faults_of_operators.are_calm(made), START_SECONDS, "a pool had no decision")
            second.start()
            wait_until(lambda: faults_of_pools.are_calm(made), START_SECONDS, "a pool is not calm")
            yield made
        finally:
            for process in processes:
                process.program.kill()


@pytest.fixture(scope="module")
def timelines(site: Site) -> dict[str, Timeline]:
    """What /metrics showed before, during and after the faults, by job."""
    lines = {job: Timeline(job) for job in JOBS}

    def observe(scrapes: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        for _ in range(scrapes):
            due = time.monotonic() + SCRAPE_SECONDS
            meanwhile()
            time.sleep(max(0.0, due - time.monotonic()))
            for job, line in lines.items():
                line.add(site.scrapes(job))

    def go_on() -> None:
        for each in FAULTS:
            each.goes_on(site)

    observe(CALM)
    for each in FAULTS:
        each.begin(site)
    wait_for_all("the fault does not show", {each.fault: each.shows for each in FAULTS}, site)
    observe(FAULTY, go_on)
    for each in FAULTS:
        each.end(site)
    wait_for_all("the fault is not over", {each.fault: each.is_over for each in FAULTS}, site)
    observe(HEALED)
    return lines


def wait_for_all(sentence: str, conditions: dict[str, Callable[[Site], bool]], site: Site) -> None:
    """Wait until all conditions hold; fail with the names of those that do not."""
    left = dict(conditions)

    def hold() -> bool:
        for name in [name for name, holds in left.items() if holds(site)]:
            del left[name]
        return not left

    end = time.monotonic() + SHOW_SECONDS
    while not hold():
        assert time.monotonic() < end, f"{sentence}: {', '.join(left)}"
        time.sleep(0.2)


@pytest.mark.parametrize("job", JOBS)
def test_exactly_its_alert_fires_and_resolves(
    job: str, timelines: dict[str, Timeline], tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    program = shutil.which("promtool")
    if program is None:
        unavailable("promtool is missing: install it (Debian: apt-get install prometheus).")
    fired = [(each.alert, each.pool) for each in FAULTS if each.job == job and each.alert]
    last_scrapes = {CALM - 1: [], CALM + FAULTY - 1: fired, CALM + FAULTY + HEALED - 1: []}
    ends = {number * MINUTES_PER_SCRAPE: alerts for number, alerts in last_scrapes.items()}
    ignored = timelines[job].caused_by_the_machine() - {alert for alert, _ in fired}
    tests = [unit_test(timelines[job], ends, ignored)]
    rules = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(rules))
    argv = [program, "test", "rules", str(tmp_path / "test.yaml")]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_alert_is_injected_and_listed_with_its_fault() -> None:
    names = [rule["alert"] for rule in yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]]
    assert {f"QueueWorkerPool{each.alert}" for each in FAULTS if each.alert} == set(names)
    text = RELIABILITY.read_text()
    _, _, section = text.partition("\n## Alerts and metrics\n")
    listed = re.findall(r"^\| (.+) \| (?:`(\w+)`|none) \|$", section.partition("\n## ")[0], re.MULTILINE)
    assert listed == [(each.fault, each.alert or "") for each in FAULTS]
    mentioned = re.findall(r"alert `(\w+)`", text)
    assert mentioned
    assert set(mentioned) <= {each.alert for each in FAULTS}
