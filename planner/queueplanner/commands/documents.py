"""A comparison for programs, as JSON and CSV: complete, and stable from release to release. Pure."""

import csv
import io
from typing import Any

from queueplanner.figures import FIGURES
from queueplanner.outcome import Outcome
from queueplanner.results import Comparison, Result


def document(comparison: Comparison) -> dict[str, Any]:
    """Return the whole as JSON; null is what is not known."""
    return {
        "load": {"description": comparison.load, "seconds": comparison.seconds},
        "seeds": list(comparison.seeds),
        "policies": [_policy(result, comparison) for result in comparison.results],
        "notes": list(comparison.notes),
        "ownPast": comparison.own_past and comparison.own_past.document(),
    }


def _policy(result: Result, comparison: Comparison) -> dict[str, Any]:
    return {
        "name": result.name,
        "mean": {figure.key: figure.mean(result.outcomes) for figure in FIGURES},
        "runs": [
            {"seed": seed, "mode": outcome.mode, "messages": outcome.messages} | _figures(outcome)
            for seed, outcome in zip(comparison.seeds, result.outcomes, strict=True)
        ],
        "unchecked": list(result.unchecked),
    }


def _figures(outcome: Outcome) -> dict[str, float | None]:
    return {figure.key: figure.value(outcome) for figure in FIGURES}


def rows(comparison: Comparison) -> str:
    """Return CSV with a row for each run of each policy; an empty cell is what is not known."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(["policy", "seed", "messages", *(figure.key for figure in FIGURES), "mode"])
    for result in comparison.results:
        for seed, outcome in zip(comparison.seeds, result.outcomes, strict=True):
            table.writerow([result.name, seed, outcome.messages, *_figures(outcome).values(), outcome.mode])
    return written.getvalue()
