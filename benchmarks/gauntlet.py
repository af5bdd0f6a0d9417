"""Gauntlet: workers among every fault of SQS, credentials, handlers and processes, killed and terminated at random."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from testbed.gauntlet.messages import LONGEST, SHORTEST
from testbed.gauntlet.run import VISIBILITY_SECONDS, Found, prepared
from testbed.gauntlet.workers import LASTING

SHOWN = 20
"""So many sentences about what was wrong are kept."""


def measure(seconds: float, seed: int, workers: int) -> Result:
    """Let everything go wrong for this long; journal and logs stay when a limit is missed."""
    folder = Path(tempfile.mkdtemp(prefix="bench-gauntlet-"))
    with prepared(folder, seed) as gauntlet:
        found = gauntlet.run(seconds, workers)
    result = _result(found, seconds, seed, workers)
    if result.holds:
        shutil.rmtree(folder)
    return result


def _result(found: Found, seconds: float, seed: int, workers: int) -> Result:
    verdict = found.verdict
    figures = [
        Figure("messages", found.sent),
        Figure("handlers_begun", found.handlings),
        Figure("worker_processes", len(found.lives)),
        Figure("kills", found.events["kills"]),
        Figure("terminations", found.events["terminations"]),
        Figure("faults", sum(found.faults.values())),
        Figure("handled_again_for_an_excuse", sum(verdict.repetitions.values())),
        Figure("overlaps_for_an_excuse", sum(verdict.overlaps.values())),
        Figure("stranded_by_faults", verdict.stranded),
        Figure("not_handled", len(verdict.unhandled), limit=0),
        Figure("handled_again", len(verdict.unexcused), limit=0),
        Figure("overlaps", len(verdict.unexcused_overlaps), limit=0),
        Figure("out_of_order", len(verdict.out_of_order), limit=0),
        Figure("stranded_by_orderly_exits", len(verdict.unexcused_stranded), limit=0),
        Figure("messages_in_flight_at_the_end", found.left, limit=0),
        Figure("late_exits", len(found.late_exits), limit=0),
        Figure("crashes", len(found.crashes()), limit=0),
        Figure("own_errors", len(found.errors()), limit=0),
        Figure("zombies", found.zombies, limit=0),
        Figure("more_threads", max(0, found.more_threads()), limit=0),
        Figure("more_files", max(0, found.more_files()), limit=0),
        Figure("failed_scrapes", len(found.scrape_failures), limit=0),
    ]
    setting = (
        f"{workers} workers, each the first process of its pid namespace, at visibility {VISIBILITY_SECONDS} s for "
        f"{seconds:g} s with faults, seed {seed}: threads, coroutines, --isolate and --exec, on a plain, a fair and a "
        f"FIFO queue of ElasticMQ; handlers of {SHORTEST:g} to {LONGEST:g} visibility timeouts; {LASTING} of the "
        "workers live from the beginning to the end, the others get SIGKILL and SIGTERM. What excuses what: "
        "testbed/gauntlet/verdicts.py"
    )
    return Result("gauntlet", setting, figures, {}, _details(found))


def _details(found: Found) -> dict[str, Any]:
    verdict = found.verdict
    return {
        "events": _counts(found.events),
        "faults": _counts(found.faults),
        "handled again, by excuse": _counts(verdict.repetitions),
        "overlaps, by excuse": _counts(verdict.overlaps),
        "requests about messages": found.requests,
        "answers of state servers": found.scrapes,
        "usage": {name: asdict(usage) for name, usage in found.usage.items()},
        "wrong": {
            "not handled": _first(verdict.unhandled),
            "handled again": _first(verdict.unexcused),
            "overlaps": _first(verdict.unexcused_overlaps),
            "out of order": _first(verdict.out_of_order),
            "stranded": _first(verdict.unexcused_stranded),
            "late exits": _first(found.late_exits),
            "crashes": _first(found.crashes()),
            "own errors": _first(found.errors()),
            "failed scrapes": _first(found.scrape_failures),
        },
    }


def _counts(counter: Counter[str]) -> Mapping[str, int]:
    return {str(name): number for name, number in sorted(counter.items())}


def _first(sentences: Iterable[str]) -> list[str]:
    return list(sentences)[:SHOWN]


BENCH = Bench(name="gauntlet", measure=measure, options=("seconds", "seed", "workers"), by_default=False)
