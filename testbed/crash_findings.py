"""Judges a run of `crashes`: which writes were wrong, superfluous or too early. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from testbed import audit
from testbed.crashes import (
    DEPTHS,
    MESSAGES_PER_POD,
    OBSERVATION_DELAY_SECONDS,
    POLICY_PERIOD_SECONDS,
    SPECS,
    STEPPING,
    WINDOW_SECONDS,
    Run,
    Wave,
    min_replicas,
)

_SCALE_WRITE = "patch deployments/scale"
_WRITES = {_SCALE_WRITE, "patch queueworkerpools/status"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a run shows.

    Args:
        kills: Number of kills.
        waves: Number of waves with kills.
        kills_before_status: Kills after a new size was written and before the status showed it.
        violations: Number of each kind of wrong behaviour, by its name; all are zero when the operator is right.
        longest_scale_in_seconds: The longest time for which a pool kept its last pods after the loads had fallen.
    """

    kills: int
    waves: int
    kills_before_status: int
    violations: dict[str, int]
    longest_scale_in_seconds: float


def judge(run: Run) -> Findings:
    """Return what a run shows."""
    plain, *killed = run.waves
    changes = sum(len(each) for wave in run.waves for each in wave.changes.values())
    patches = sum(each.action == _SCALE_WRITE for each in run.requests)
    waits = [wait for wave in run.waves for wait in wave.waits().values()]
    return Findings(
        kills=len(run.kills),
        waves=len(killed),
        kills_before_status=_kills_before_status(run.kills, run.requests),
        violations={
            "pools_with_wrong_writes": sum(_wrong(wave) for wave in run.waves),
            "pools_unlike_those_without_kills": sum(_unlike(wave, plain) for wave in killed),
            "writes_without_effect": patches - changes,
            "steps_too_soon": _too_soon(run),
            "scale_ins_before_the_window": sum(wait < WINDOW_SECONDS for wait in waits),
        },
        longest_scale_in_seconds=max(waits),
    )


def details(waves: Sequence[Wave]) -> list[dict[str, Any]]:
    """Return the waves for a report: changes in seconds after the loads fell."""
    return [
        {"waits": wave.waits()}
        | {name: [[round(when - wave.fallen, 1), size] for when, size in each] for name, each in wave.changes.items()}
        for wave in waves
    ]


def _wrong(wave: Wave) -> int:
    """Count the pools that did not grow by sizes that the depths call for, each written once, and then shrink.

    They shrink to their minimum. Before zero comes one pod, which stays until the queue has been empty for long enough.
    """
    wrong = 0
    for name, sizes in wave.sizes().items():
        top = sizes.index(max(sizes)) + 1 if sizes else 0
        up, down, least = sizes[:top], sizes[top:], min_replicas(name)
        allowed = {depth // MESSAGES_PER_POD for depth in DEPTHS}
        wrong += up != sorted({*up} & allowed) or down not in ([least], [1, least])
    return wrong


def _unlike(wave: Wave, plain: Wave) -> int:
    """Count the pools that had other sizes than without kills; of loads that rise in steps only the last two count."""
    ours, theirs = wave.sizes(), plain.sizes()
    return sum(
        ours[name][-2:] != theirs[name][-2:] if name in STEPPING else ours[name] != theirs[name] for name in SPECS
    )


def _too_soon(run: Run) -> int:
    """Count the scale-outs that came before the period of the one before was over; each is as large as allowed.

    When each came is the API server's to say: on a busy machine the watch shows one late, and the next one in time.
    """
    times = [each.time for each in run.requests if (each.name, each.action) == ("paced", _SCALE_WRITE)]
    sizes = [size for wave in run.waves for size in wave.sizes()["paced"]]
    # As many as there are sizes, unless there were writes without effect, which are counted above.
    grown = [
        when for when, size, before in zip(times, sizes, [min_replicas("paced"), *sizes], strict=False) if size > before
    ]
    earliest = timedelta(seconds=POLICY_PERIOD_SECONDS - OBSERVATION_DELAY_SECONDS)
    return sum(later - sooner < earliest for sooner, later in pairwise(grown))


def _kills_before_status(kills: Sequence[datetime], requests: Sequence[audit.ObjectRequest]) -> int:
    """Count the kills after a new size was written and before the status showed it."""
    found = 0
    for before, kill in pairwise([datetime.min.replace(tzinfo=UTC), *kills]):
        last = {each.name: each.action for each in requests if before <= each.time < kill and each.action in _WRITES}
        found += _SCALE_WRITE in last.values()
    return found
