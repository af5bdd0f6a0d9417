"""What the real HPA controller did with the series, as one file: gzipped JSON."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.hpa.external_metrics import Sync

FILE = Path(__file__).parents[2] / "planner" / "recordings" / "hpa.json.gz"


@dataclass(frozen=True)
class Played:
    """What the HPA did with one series: its behavior as the API server stored it, if it has one, and its syncs."""

    behavior: dict[str, Any] | None
    syncs: list[Sync]


@dataclass(frozen=True, slots=True)
class Row:
    """One sync: seconds since the first, the load, and the requested, existing and ready pods that it saw."""

    time: float
    load: int
    replicas: int
    there: int
    ready: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """One series: the behavior as the API server stored it, and the syncs."""

    behavior: Mapping[str, Any] | None
    rows: list[Row]


def write(played: Mapping[str, Played], file: Path = FILE) -> None:
    """Write what was played; the same gives the same bytes."""
    raw = {name: {"behavior": each.behavior, "rows": _rows(each)} for name, each in played.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(json.dumps(raw, separators=(",", ":")).encode(), 9, mtime=0))


def read(file: Path = FILE) -> dict[str, Recorded]:
    """Read every series."""
    raw = json.loads(gzip.decompress(file.read_bytes()))
    return {name: Recorded(each["behavior"], [Row(*row) for row in each["rows"]]) for name, each in raw.items()}


def _rows(played: Played) -> list[tuple[float, int, int, int, int]]:
    began = played.syncs[0].time
    return [
        (round((sync.time - began).total_seconds(), 3), sync.load, sync.replicas, sync.there, sync.ready)
        for sync in played.syncs
    ]
