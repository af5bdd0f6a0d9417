"""Faults, from a pool's real ticks through /metrics to the alerts: exactly its own alert fires, and it resolves."""

import asyncio
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from queueworkerpool.errors import ClusterError, ClusterRefusedError, QueueNotFoundError
from queueworkerpool.model import Mode, Pool, Schedule
from tests.chart.objects import CHART
from tests.unit.operator.builders import SPEC, URL, pool, reading
from tests.unit.operator.fakes import FakeDependencies, target

CALM_MINUTES, FAULT_MINUTES, RESOLVED_MINUTES = 5, 60, 40
SAMPLE = re.compile(r"^(queueworkerpool_\w+)(?:{(.*)})? (\S+)$", re.MULTILINE)
REPORTING = {"lastScaleTime": "2026-11-23T11:00:00Z", "memory": {"workers": {"concurrency": 4}}}
MISSPELT = Schedule("day", "0 9 * * *", 60, "Mars/Olympus", 1)
Inject = Callable[[FakeDependencies], None]


@dataclass(frozen=True)
class Fault:
    """What goes wrong at each minute of its time, and the one alert that it fires, if any."""

    inject: Inject
    alert: str | None


def spec(**differs: Any) -> Inject:
    def edit(fake: FakeDependencies) -> None:
        if isinstance(fake.stored, Pool):  # else the edit has already turned out to make no sense
            fake.stored = replace(fake.stored, spec=replace(SPEC, **differs))

    return edit


def queue_missing(fake: FakeDependencies) -> None:
    fake.queues = {URL: QueueNotFoundError("no such queue")}


def deployment_missing(fake: FakeDependencies) -> None:
    fake.known = fake.deployment = None


def size_refused(fake: FakeDependencies) -> None:
    fake.queues, fake.broken = {URL: reading(100)}, {"scale": ClusterRefusedError("budget")}


def status_refused(fake: FakeDependencies) -> None:
    fake.broken = {"write_status": ClusterRefusedError("forbidden")}
    fake.queues = {URL: reading(0, 46 + fake.now.minute % 4)}  # counts that are worth a write


def marks_refused(fake: FakeDependencies) -> None:
    fake.mark_refusal = ClusterRefusedError("forbidden")


def other_writer(fake: FakeDependencies) -> None:
    fake.scaled_by_other("keda", 3 + fake.now.minute % 2)


def no_pods(fake: FakeDependencies) -> None:
    fake.known = fake.deployment = target(10, ready_replicas=0)


def silent(fake: FakeDependencies) -> None:
    fake.stored = pool(status={})


FAULTS: dict[str, Fault] = {
    "nothing": Fault(lambda _: None, None),
    "a pause": Fault(spec(mode=Mode.PAUSED), None),
    "a dry run": Fault(spec(mode=Mode.DRY_RUN), None),
    "no such queue": Fault(queue_missing, "QueueUnreadable"),
    "no Deployment": Fault(deployment_missing, "TargetMissing"),
    "a size that is refused": Fault(size_refused, "SizeRefused"),
    "a status that is refused": Fault(status_refused, "HighErrorRate"),
    "marks that are refused": Fault(marks_refused, "WorkersNotProtected"),
    "silent workers": Fault(silent, "WorkersNotProtected"),
    "a time zone that does not exist": Fault(spec(schedules=(MISSPELT,)), "NotReady"),
    "another writer": Fault(other_writer, "ScaleConflict"),
    "a paused Deployment, whose pods do not come": Fault(no_pods, "PodsNotReady"),
}


class Scrapes:
    """A scrape a minute of one operator's /metrics, in promtool's notation."""

    def __init__(self) -> None:
        self._series: dict[str, dict[int, str]] = defaultdict(dict)
        self._minutes = 0

    def add(self, text: str) -> None:
        for name, labels, value in SAMPLE.findall(text):
            label = ",".join(part for part in (labels, 'instance="a",job="operator"') if part)
            self._series[f"{name}{{{label}}}"][self._minutes] = value
        self._minutes += 1

    def dump(self) -> list[dict[str, str]]:
        minutes = range(self._minutes)
        return [
            {"series": name, "values": " ".join(values.get(minute, "_") for minute in minutes)}
            for name, values in self._series.items()
        ]


async def tick(fake: FakeDependencies) -> None:
    """One tick, as the scheduler counts it."""
    try:
        await fake.tick()
    except ClusterError:
        fake.metrics.failed()
    fake.metrics.ticked(0.0, 0.01)


async def scrapes_of(fault: Fault) -> Scrapes:
    fake, scrapes = FakeDependencies(pool(status=REPORTING)), Scrapes()
    fake.metrics.holds(lambda: (0,))
    fake.metrics.shows_pools(lambda: 1)
    calm = fake.deployment, dict(fake.queues)
    for minute in range(CALM_MINUTES + FAULT_MINUTES + RESOLVED_MINUTES):
        if CALM_MINUTES <= minute < CALM_MINUTES + FAULT_MINUTES:
            fault.inject(fake)
        elif minute == CALM_MINUTES + FAULT_MINUTES:
            fake.deployment, fake.queues = calm[0], dict(calm[1])
            fake.known, fake.broken, fake.mark_refusal = fake.deployment, {}, None
            fake.stored = pool(status=REPORTING)
        await tick(fake)
        scrapes.add(b"".join(fake.metrics.render("text/plain")[0]).decode())
        fake.later(60)
    return scrapes


@pytest.mark.parametrize("name", FAULTS)
async def test_exactly_its_alert_fires_and_resolves(
    name: str, tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    program = shutil.which("promtool")
    if program is None:
        unavailable("promtool is missing: install it (Debian: apt-get install prometheus).")
    fault = FAULTS[name]
    fired = [{"labels": f'{{alertname="QueueWorkerPool{fault.alert}"}}', "value": 1}] if fault.alert else []
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    ends = CALM_MINUTES + FAULT_MINUTES
    times = {CALM_MINUTES - 1: [], ends - 1: fired, ends + RESOLVED_MINUTES - 1: []}
    expected = [{"expr": firing, "eval_time": f"{at}m", "exp_samples": found} for at, found in times.items()]
    scrapes = await scrapes_of(fault)
    test = {"interval": "1m", "input_series": scrapes.dump(), "promql_expr_test": expected}
    rules = {"rule_files": [str(CHART / "alerts.yaml")], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(rules))
    ran = await asyncio.to_thread(
        subprocess.run,
        [program, "test", "rules", str(tmp_path / "test.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
