"""Figures and worked examples on the pages, beside the results and the code that they are from."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from docs import diagrams
from queueworkerpool.model import ReadingInterval, dollars
from queueworkerpool.sizing import AtReading, MessagesPerPod, WorkerEstimates

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


class Result:
    """What one bench has measured."""

    def __init__(self, bench: str) -> None:
        self.raw: dict[str, Any] = json.loads((RESULTS / f"{bench}.json").read_text())
        self.peer = self.raw["peer"]

    def __getitem__(self, name: str) -> Any:
        return self.raw["figures"][name]["value"]


REACTION, COST, SCALE_IN, ADMISSION, COLD = map(Result, ("reaction", "cost", "scale_in", "admission", "cold_start"))
PLANNER, BODIES, SHUTDOWN, THROUGHPUT = map(Result, ("planner", "bodies", "shutdown", "throughput"))
DECIDED = ADMISSION["median_seconds_from_last_creation_to_last_decision"]
MEDIAN = f"{REACTION['median_seconds']:.1f} s"
POOLS = sum(map(len, REACTION.raw["details"]["seconds"]))


def pods(load: int) -> int:
    """Return how many pods a pool of 120 messages each gets."""
    return MessagesPerPod(120).recommend(load, WorkerEstimates(), AtReading(0, 5)).replicas


def cost(queues: int, seconds: int) -> float:
    """Return what a month of readings of so many queues costs."""
    return ReadingInterval(seconds).monthly_cost_usd(queues)


def monthly(queues: int, seconds: int) -> str:
    """Return the same as a pool's account has it."""
    return dollars(cost(queues, seconds))


def two_hours_a_day(queues: int, poll: int, idle: int) -> float:
    """Return what a month costs in which pools are idle for the rest of each day."""
    return cost(queues, poll) * 2 / 24 + cost(queues, idle) * 22 / 24


SCALE, SHARDS, SCRAPE = map(Result, ("scale", "shards", "scrape"))
SCRAPED = SCRAPE.raw["details"]
SIMULATED = SHARDS.raw["details"]["pools"]
CPU_OF_SHARDS = SHARDS["cpu_seconds_of_a_process"] * 4 / SHARDS["readings"] * 1000

PEERS = ("celery", "dramatiq_sqs", "taskiq-aio-sqs", "sqs-workers")


def at_exit(consumer: str) -> str:
    """Return how many messages it holds at SIGTERM, and how many of them it leaves in flight."""
    held, stranded = SHUTDOWN[f"held by {consumer} at SIGTERM"], SHUTDOWN[f"stranded by {consumer}, at most"]
    return f"{held:g}; {stranded:g}"


def speed(peer: str) -> str:
    """Return its messages per second, ours being 1."""
    return f"{THROUGHPUT[f'speed of {peer}, ours being 1 (no-op, concurrency 8, batch 10)']:.2f}"


SENTENCES: dict[str, list[str]] = {
    "docs/handlers.md": [
        f"{BODIES['dict_microseconds']:.0f} µs for a `dict`, {BODIES['dataclass_microseconds']:.0f} µs for a dataclass",
        f"{BODIES['pydantic model_microseconds']:.0f} µs for a model of pydantic",
        f"{BODIES['envelope of SNS_microseconds']:.0f} µs for the envelope of SNS",
        f"which takes {BODIES['s3_client_mib']:.0f} MiB",
    ],
    "README.md": [f"one write, {MEDIAN} after the messages (median of {POOLS})"],
    "docs/comparison.md": [
        f"1 write, after {MEDIAN} (median of {POOLS}), {REACTION['maximum_seconds']:.1f} s at most",
        f"{REACTION.peer['median_scale_writes']} writes, after {REACTION.peer['median_seconds']} s (median of 12)",
        f"{REACTION.peer['maximum_seconds']} s at most | 1 write",
        "ask for 1, 4, 8, 16, 32, 64 and 100 pods",
        f"{ADMISSION.peer['pools_admitted_after_18_minutes']} decided after 18 minutes",
        f"all decided {DECIDED:.1f} s after the last was created",
        f"{COST['cpu_ms_per_second']:.0f} ms/s and {COST['resident_mib']:.0f} MiB for 1,000 pools",
        f"{COST.peer['cpu_ms_per_second']} ms/s and {COST.peer['resident_mib']} MiB for {COST.peer['pools']} objects",
        f"`Protect` stopped {SCALE_IN['protect: busy workers stopped']} busy workers",
        f"`Drain` {SCALE_IN['drain: busy workers stopped']}, and",
        f"than the work {SCALE_IN['short-grace: busy workers stopped']}, after",
        f"which {SCALE_IN['short-grace: messages handled again']} messages were handled again",
        f"| {' | '.join(at_exit(peer) for peer in PEERS)} | Lambda's | {at_exit('queueworker')} (",
        f"| {' | '.join(speed(peer) for peer in PEERS)} | – | 1 |",
    ],
    "docs/planner.md": [
        f"takes {PLANNER['million_cpu_seconds']:.1f} s of CPU,",
        f"and {PLANNER['million_with_troubles_cpu_seconds']:.1f} s with failures and deaths",
    ],
    "docs/scale-limits.md": [
        f"10,000 queues ÷ 15 s = {10_000 / 15:.0f} requests a second",
        f"= {cost(10_000, 15):.0f} USD a month",
        f"off by no more than {SCALE['interval_p99_deviation'] * 100:.1f} %, for {SCALE['cores']:.2f} cores",
        f"and {SCALE['resident_mib']:.0f} MiB, and by {SCALE['interval_p99_deviation_while_scraped'] * 100:.1f} %",
        f"for {SCALE['cores_while_scraped']:.2f} cores while one Prometheus scrapes",
        f"{SCALE['first_decisions_seconds']:.0f} s after the start of the operator all",
        f"after {SCALE['first_statuses_seconds']:.0f} s each had a status",
        f"first queue {SCALE['takeover_seconds']:.0f} s later, and all {SCALE['takeover_all_seconds']:.0f} s later",
        f"{SIMULATED:,} pools in four shards of {SHARDS['smallest_shard']:,} to {SHARDS['largest_shard']:,}",
        f"{SHARDS['readings']:,} readings at SQS, {SIMULATED:,} first sizes and statuses",
        f"{CPU_OF_SHARDS:.1f} ms of CPU a reading, decision and write",
        f"{SHARDS['peak_mib_of_a_process']:.0f} MiB",
        f"at most {SHARDS['takeover_maximum_seconds']:.1f} s",
        f"So 10,000 pools are {SCRAPED['lines'] // 10_000 * 10_000:,} series",
        f"{SCRAPE['cpu_seconds']:.1f} s of CPU time and {SCRAPE['peak_mib']:.0f} MiB",
        f"for {SCRAPED['mib_of_text']:.0f} MiB of text that are {SCRAPE['kept_mib']:.0f} MiB zipped",
        f"of 30 s is {SCRAPE['cpu_seconds'] / 30:.2f} of a core",
    ],
    "docs/sizing.md": [
        f"{COLD['seconds from sent to handled (median)']:.1f} s from sent to handled, median of five",
        f"every 5 s costs about {monthly(1, 5)} USD a month: {30 * 86400 // 5:,} requests",
        *(
            f"| {queues:,} | {' | '.join(f'{monthly(queues, seconds)} USD' for seconds in (5, 15, 60, 300))} |"
            for queues in (1, 100, 10_000)
        ),
        f"cost {monthly(100, 5)} USD a month at `pollSeconds: 5`, and {two_hours_a_day(100, 5, 60):.2f} USD with `idle",
        f"500 messages get {pods(500)} pods, 5,000 get {pods(5000)}.",
    ],
}
"""What stands on a page when line breaks are spaces."""
ROWS = [(page, sentence) for page, sentences in SENTENCES.items() for sentence in sentences]


@pytest.mark.parametrize(("page", "sentence"), ROWS)
def test_a_page_says_what_was_measured_or_is_computed(page: str, sentence: str) -> None:
    assert sentence in " ".join((ROOT / page).read_text().split())


@pytest.mark.parametrize("name", diagrams.pictures())
def test_a_picture_reads_in_light_and_in_dark_and_has_a_title(name: str) -> None:
    text = diagrams.pictures()[name]
    assert ET.fromstring(text).get("role") == "img"  # noqa: S314 - it is our own
    assert "prefers-color-scheme: dark" in text
    assert text.count("<title>") == 1
    assert 'class="back"' in text


def test_the_picture_of_the_reaction_shows_what_was_measured() -> None:
    assert f"after {MEDIAN}" in diagrams.reaction()
    assert f"last after {REACTION.peer['median_seconds']} s" in diagrams.reaction()
    assert len(diagrams.KEDA_SIZES) == REACTION.peer["median_scale_writes"]
