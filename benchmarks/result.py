"""What a benchmark found: figures, their limits, and the machine and versions that they were measured with."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. It holds when it is not above its limit; without a limit it is only informative."""

    name: str
    value: float
    limit: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        return self.limit is None or self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Result:
    """All that one benchmark found.

    Args:
        bench: Name of the benchmark.
        setting: How it measured, in words.
        figures: The measured numbers.
        peer: Figures of another product, measured elsewhere (see `PEER_NOTE`).
        details: Whatever explains the figures.
    """

    bench: str
    setting: str
    figures: Sequence[Figure]
    peer: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every limit is kept."""
        return all(figure.holds for figure in self.figures)


PEER_NOTE = "KEDA 2.20 with its defaults, measured elsewhere (Kubernetes 1.36, 2 cores), not by this run"


def machine_and_versions() -> dict[str, Any]:
    """Return the machine and the versions of what was measured."""
    return {
        "machine": {
            "cpu": _proc_field("/proc/cpuinfo", "model name"),
            "cores": os.cpu_count(),
            "memory": _proc_field("/proc/meminfo", "MemTotal"),
            "kernel": platform.release(),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("queueworkerpool", "kopf", "kubernetes", "boto3", "botocore")},
            "commit": _git("rev-parse", "HEAD")
            + ("-dirty" if _git("status", "--porcelain", "operator", "worker", "common", "planner") else ""),
        },
    }


def load_average() -> float:
    """Return the runnable processes over the last minute: how busy the machine was, besides the benchmark itself."""
    return round(os.getloadavg()[0], 2)


def write(result: Result, about: Mapping[str, Any], folder: Path = RESULTS) -> Path:
    """Write the result as JSON; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.bench}.json"
    document = {
        "bench": result.bench,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "setting": result.setting,
        "holds": result.holds,
        "figures": {figure.name: _shown(figure) for figure in result.figures},
        "peer": {"note": PEER_NOTE, **result.peer},
        "details": result.details,
        **about,
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def show(results: Sequence[Result]) -> None:
    """Print all figures for people."""
    table = Table("bench", "figure", "value", "limit", "", title="Benchmarks")
    for result in results:
        for figure in result.figures:
            limit = "" if figure.limit is None else f"{figure.limit:g}"
            verdict = "" if figure.limit is None else ("[green]holds[/green]" if figure.holds else "[red]MISSED[/red]")
            table.add_row(result.bench, figure.name, f"{figure.value:g}", limit, verdict)
    Console().print(table)


def _shown(figure: Figure) -> dict[str, Any]:
    if figure.limit is None:
        return {"value": figure.value}
    return {"value": figure.value, "limit": figure.limit, "holds": figure.holds}


def _proc_field(path: str, name: str) -> str:
    lines = Path(path).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")


def _git(*arguments: str) -> str:
    answer = subprocess.run(
        ["git", *arguments], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or ("unknown" if answer.returncode else "")
