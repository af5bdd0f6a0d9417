"""Our own decisions over what the HPA saw, sync by sync, and how they differ from the HPA's. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from queueworkerpool.decide import Limit, decide, limits, remember
from queueworkerpool.decide.windows import EARLY_SHARE
from queueworkerpool.model import (
    Bounds,
    Decision,
    Facts,
    Memory,
    PoolSpec,
    QueueReading,
    QueueRef,
    ScaleTargetRef,
    ScalingRules,
)
from queueworkerpool.names import Reason
from queueworkerpool.sizing import MessagesPerPod
from testbed.hpa.external_metrics import Sync
from testbed.hpa.series import FLAG_TOLERANCE, FLAG_WINDOW_SECONDS, PER_POD, SYNC_SECONDS, Difference, Series

HPA_PARITY: Sequence[Limit] = (
    limits.tolerate,
    limits.stabilise_scale_up,
    limits.stabilise_scale_down,
    limits.respect_rates,
    limits.respect_bounds,
)
"""What the HPA has too."""

SLACK = timedelta(seconds=0.25)
"""The HPA reads its clock a little after it has read its metric; on an edge this wide it may go either way."""

EARLY = timedelta(seconds=EARLY_SHARE * SYNC_SECONDS)
"""So much earlier than the HPA's may a wait of ours end, which ADR 0005 lists."""


@dataclass(frozen=True)
class Row:
    """One sync: what both saw, the HPA's decision and ours."""

    series: Series
    sync: Sync
    theirs: int
    ours: Decision

    @property
    def difference(self) -> Difference | None:
        """How we differ, as far as that is on purpose."""
        reason, more = self.ours.reason, self.ours.replicas - self.theirs
        if not self.series.least <= self.sync.replicas <= self.series.most:
            return Difference.BOUND_FIRST
        if reason is Reason.SCALE_DOWN_STABILIZED and more > 0:
            return Difference.SLOWER_DOWN
        if reason is Reason.SCALE_UP_STABILIZED and more < 0:
            return Difference.SLOWER_UP
        if reason in {Reason.SCALE_UP_LIMIT, Reason.SCALE_DOWN_LIMIT}:
            return Difference.EXACT_PERCENT if abs(more) == 1 else Difference.FORGOTTEN_CHANGE
        return None

    @property
    def differs(self) -> bool:
        """Whether we decided otherwise, on the same facts: while pods are missing, the HPA counts those there are."""
        return self.ours.replicas != self.theirs and self.sync.there == self.sync.replicas


def replay(series: Series, behavior: Mapping[str, Any], syncs: Sequence[Sync]) -> list[Row]:
    """Decide on each sync as we would have, with the HPA's own changes as the past, so that each row stands alone.

    `behavior` is the HPA's as the API server stored it, with its defaults.
    """
    spec, bounds, memory, rows = _spec(series, behavior), Bounds(series.least, series.most), Memory(), []
    for sync, after in pairwise(_with_start(series, syncs)):
        reading = QueueReading(sync.load, 0, 0, sync.time)
        facts = Facts(spec, bounds, sync.replicas, (reading,), memory, sync.time, ready=sync.there)
        ours = decide(facts, chain=HPA_PARITY)
        rows.append(Row(series, sync, after.replicas, _at_the_edge(facts, ours, after.replicas)))
        made = remember.changed(facts, facts.memory, after.replicas - sync.replicas)
        memory = replace(ours.memory, changes=made.changes)
    return rows


def _with_start(series: Series, syncs: Sequence[Sync]) -> list[Sync]:
    """The syncs, and before them the one that went to a bound: that one reads no metric, so it was not recorded."""
    first = syncs[0]
    if first.replicas == series.start:
        return list(syncs)
    before = first.time - timedelta(seconds=SYNC_SECONDS)
    return [replace(first, time=before, replicas=series.start, there=series.start), *syncs]


def _at_the_edge(facts: Facts, ours: Decision, theirs: int) -> Decision:
    """Our decision a little earlier or later, when that is the HPA's."""
    moved = [decide(facts._replace(now=facts.now + slack), chain=HPA_PARITY) for slack in (-SLACK - EARLY, SLACK)]
    return next((decision for decision in (ours, *moved) if decision.replicas == theirs), ours)


def table(rows: Iterable[Row]) -> str:
    """Return the rows as people read them; those that differ are marked."""
    lines = ["   seconds  load  pods there  HPA ours  why"]
    begun = None
    for row in rows:
        begun = begun or row.sync.time
        at = (row.sync.time - begun).total_seconds()
        mark = "  " if not row.differs else "* " if row.difference else "! "
        lines.append(
            f"{mark}{at:8.2f} {row.sync.load:5} {row.sync.replicas:5} {row.sync.there:5} {row.theirs:4}"
            f" {row.ours.replicas:4}  {row.ours.reason}: {row.ours.message}"
        )
    return "\n".join(lines)


def _spec(series: Series, behavior: Mapping[str, Any]) -> PoolSpec:
    return PoolSpec(
        scale_target_ref=ScaleTargetRef("parity"),
        queues=(QueueRef("https://sqs.eu-west-1.amazonaws.com/123456789012/parity"),),
        min_replicas=series.least,
        max_replicas=series.most,
        target=MessagesPerPod(PER_POD),
        poll_seconds=SYNC_SECONDS,
        scale_up=_rules(behavior["scaleUp"]),
        scale_down=_rules(behavior["scaleDown"]),
    )


def _rules(raw: Mapping[str, Any]) -> ScalingRules:
    """The names are the same; only the flags' defaults, and quantities, need translating."""
    flags = {"stabilizationWindowSeconds": FLAG_WINDOW_SECONDS, "tolerance": str(FLAG_TOLERANCE)}
    whole: dict[str, Any] = flags | {name: value for name, value in raw.items() if value is not None}
    return ScalingRules.parse(whole | {"tolerance": _quantity(whole["tolerance"])})


def _quantity(text: str) -> float:
    return float(Decimal(text[:-1]) / 1000) if text.endswith("m") else float(text)
