"""Draws the pictures of the docs with figures from the results of the benchmarks. `docs/generate.py` calls it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from docs.rules import pictures as of_rules
from docs.svg import box, line, svg, text
from queueworkerpool.decide.chain import LIMITS

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"
KEDA_SIZES = (1, 4, 8, 16, 32, 64, 100)
"""The sizes that KEDA 2.20 and the HPA asked for, with their defaults; the times are in the benchmark's result."""
KEDA_FIRST_SECONDS = 17.9
"""Until KEDA's first write, median."""
TICK_COLUMNS = 4


def pictures() -> dict[str, str]:
    """Return each picture by its file's name."""
    return {"reaction.svg": reaction(), "tick.svg": tick(), "scale-in.svg": scale_in()} | of_rules.pictures()


def reaction() -> str:
    """Draw the sizes that are asked for, one after the other, at 500 messages for pools of 5 messages a pod."""
    found = json.loads((RESULTS / "reaction.json").read_text())
    ours, theirs = found["figures"]["median_seconds"]["value"], found["peer"]["median_seconds"]
    parts = [
        text(20, 28, "KEDA 2.20 and the HPA, defaults: 7 writes", "title"),
        *_bars(20, KEDA_SIZES, "theirs"),
        text(20, 196, f"first after {KEDA_FIRST_SECONDS} s", "small"),
        text(392, 196, f"last after {theirs} s", "small", "end"),
        text(450, 28, "queueworkerpool: 1 write", "title"),
        *_bars(450, (100,), "ours"),
        text(450, 196, f"after {ours:.1f} s", "small"),
        text(20, 218, "Pods asked for at each write, for 500 messages at a target of 5 per pod; medians.", "small"),
        text(20, 234, "The time between KEDA's writes is not to scale.", "small"),
    ]
    title = "Seven steps of KEDA and the HPA, one of queueworkerpool"
    return svg(660, 246, title, parts)


def tick() -> str:
    """Draw what happens each time that a pool is due."""
    steps = (
        ("read", "each queue's counts", "SQS"),
        ("gather", "facts, and now", ""),
        ("recommend", "load / target", ""),
        ("limit", f"{len(LIMITS)} limits, in order", ""),
        ("ask workers", "before a scale-in", "GET /state; then 4 again"),
        ("scale", "one write of /scale", "API server"),
        ("report", "status, Events, metrics", "API server"),
    )
    parts = []
    for number, (name, what, whom) in enumerate(steps):
        x, y = 20 + 165 * (number % TICK_COLUMNS), 48 + 110 * (number // TICK_COLUMNS)
        parts.append(box(x, y, 140, 62))
        parts.append(text(x + 70, y + 25, f"{number + 1}. {name}", "title", "middle"))
        parts.append(text(x + 70, y + 44, what, "small", "middle"))
        parts.append(text(x + 70, y + 78, whom, "small", "middle") if whom else "")
        if (number + 1) % TICK_COLUMNS and number + 1 < len(steps):
            parts.append(line(f"M{x + 140} {y + 31}h23"))
    parts.append(line("M585 112v21H90v23"))
    parts.append(text(20, 28, "A pool is due: every pollSeconds, or sooner when a step says so", "title"))
    parts.append(text(515, 182, "What is unknown stays", "small"))
    parts.append(text(515, 198, "unknown: the size stays.", "small"))
    return svg(690, 250, "The life of a tick, in seven steps", parts)


def scale_in() -> str:
    """Draw which of six pods go when four are enough."""
    workers = ("busy", "idle", "busy", "idle", "busy", "busy")
    rows = (
        ("1. ask each worker: GET /state", workers, ""),
        ("2. mark the pods of idle ones", workers, "marked"),
        ("3. lower the replicas by as many: 6 to 4", tuple("gone" if each == "idle" else each for each in workers), ""),
    )
    parts = []
    for row, (title, pods, note) in enumerate(rows):
        y = 24 + row * 84
        parts.append(text(20, y + 4, title, "title"))
        for number, state in enumerate(pods):
            parts += _pod(20 + number * 92, y + 14, state, note if state == "idle" else "")
    parts.append(
        text(20, 284, "Were all six busy, six would stay: WaitingForIdleWorkers, until maxWaitSeconds.", "small")
    )
    return svg(590, 298, "A scale-in from six pods to four: two idle ones go, four busy ones stay", parts)


def _pod(x: int, y: int, state: str, note: str) -> Iterable[str]:
    yield f'<rect class="{state}" x="{x}" y="{y}" width="80" height="36" rx="6"/>'
    yield text(x + 40, y + 23, "" if state == "gone" else state, "on", "middle")
    if note:
        yield text(x + 40, y + 50, note, "small", "middle")


def _bars(x: int, sizes: Sequence[int], kind: str) -> Iterable[str]:
    for number, size in enumerate(sizes):
        left, height = x + number * 54, size * 1.2
        yield f'<rect class="{kind}" x="{left}" y="{180 - height:g}" width="46" height="{height:g}" rx="2"/>'
        yield text(left + 23, round(174 - height), str(size), "", "middle")
