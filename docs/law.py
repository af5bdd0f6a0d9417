"""The tables of ADR 0006 and docs/comparison.md: what pools and their rivals cost on the loads of the bench `law`.

`docs.generate` puts them into the pages. The figures are the bench's, in benchmarks/results/law.json.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "law.json"
MAIN = "start-ups of 20 s, readings up to 10 s old"
END = "<!-- end of what is generated -->\n"

NAMES = {
    "pool": "**a pool with `latencySeconds: 60`, else defaults**",
    "pool, serviceSeconds": "the same, told its service time",
    "pool, last pod stays 60 s": "the same with `scaleToZeroAfterSeconds: 60`",
    "pool, window of 60 s": "the same with a window of 60 s",
    "pool, window of 300 s": "the same with a window of 300 s",
    "pool, Drain": "the same with `busyWorkers: Drain`",
    "pool, messagesPerPod": "a pool with `messagesPerPod` by the recipe",
    "keda": "KEDA and the HPA, defaults",
    "keda-expert": "KEDA, polls of 5 s, a window of 15 s, 900 % up, an hour of grace, a cooldown of 60 s",
    "keda-tuned": "the same with a window of 10 s and a cooldown of 20 s",
    "wpa": "worker-pod-autoscaler, defaults",
    "wpa-tuned": "worker-pod-autoscaler, resyncs of 5 s, 15 s before pods go, an hour of grace",
    "hpa": "HPA on the length of the queue, defaults, at least one pod",
    "ec2-target-tracking-protected": "EC2, target tracking on backlog per instance, with protection",
    "ec2-step-protected": "EC2, step scaling, with protection",
}
_Variant = Mapping[str, Mapping[str, Any]]


def with_law(page: str) -> str:
    """Return the page with the tables between its marks. Raises ValueError when there are none."""
    variants: Mapping[str, _Variant] = json.loads(RESULT.read_text())["details"]
    tables: dict[str, Callable[[], Iterator[str]]] = {
        "<!-- generated: the law's policies -->\n": partial(_policies, variants[MAIN]),
        "<!-- generated: the law's variants -->\n": partial(_variants, variants),
        "<!-- generated: the law's loads -->\n": partial(_loads, variants[MAIN]),
    }
    marks = [mark for mark in tables if mark in page]
    if not marks:
        raise ValueError(f"the page needs one of the lines {', '.join(map(str.strip, tables))}")
    for mark in marks:
        before, _, rest = page.partition(mark)
        _, end, after = rest.partition(END)
        if not end:
            raise ValueError(f"the page needs the line {END.strip()} after {mark.strip()}")
        table = "\n".join(tables[mark]())
        page = f"{before}{mark}\n{table}\n\n{END}{after}"
    return page


def _policies(variant: _Variant) -> Iterator[str]:
    yield (
        "| policy | cost / clairvoyant | all loads together | worst load | p99 wait | later than 60 s | busy kills"
        " | better than the pool |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for name, shown in NAMES.items():
        if name not in variant:
            continue
        of = variant[name]
        cells = (
            shown,
            f"{of['mean']:.2f}",
            f"{of['summed']:.2f}",
            f"{of['worst']:.1f}",
            f"{of['p99']:.0f} s",
            f"{of['late']}",
            f"{of['kills']:.0f}" if not 0 < of["kills"] < 1 else f"{of['kills']:.1f}",
            "–" if name == "pool" else f"{of['beats_pool']}",
        )
        yield f"| {' | '.join(cells)} |"


def _variants(variants: Mapping[str, _Variant]) -> Iterator[str]:
    names = ("pool", "pool, Drain", "keda-tuned", "wpa-tuned")
    yield "| | pool | `Drain` | KEDA, tuned | worker-pod-autoscaler, tuned |"
    yield "|---|--:|--:|--:|--:|"
    for shown, variant in variants.items():
        cells = (f"{variant[name]['mean']:.2f}, {variant[name]['p99']:.0f} s" for name in names)
        yield f"| {shown} | {' | '.join(cells)} |"


def _loads(variant: _Variant) -> Iterator[str]:
    names = ("pool", "pool, Drain", "keda-tuned", "wpa-tuned")
    yield "| load | pool | `Drain` | KEDA, tuned | worker-pod-autoscaler, tuned |"
    yield "|---|--:|--:|--:|--:|"
    for load in variant["pool"]["loads"]:
        cells = (variant[name]["loads"][load].rpartition(", ")[0] for name in names)
        yield f"| {load} | {' | '.join(cells)} |"
