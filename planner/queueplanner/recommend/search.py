"""Searches for the cheapest manifests that keep promises. Pure: what a manifest does, it is told by a function.

It is a beam search: sweep by sweep, of everything that was tried, the best few for each promise are changed in one
field, to every value that is worth a try. So what keeps a laxer promise, and may need only one more pod, is not lost on
the way. Of a long load there are two such searches, as the rounds of successive halving (Jamieson and Talwalkar, 2016):
a wide one on excerpts, and from its survivors a narrow one on the whole.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from queueplanner.recommend.manifest import POLL, Manifest, changes, get, is_valid, key
from queueplanner.recommend.slo import Judged, Slo
from queueplanner.recommend.space import USUAL_POLL, Sweep

MARGIN = 0.01
"""What a field must save to be worth its line: the share of the cost."""
SURVIVORS = 3
"""Of each promise, manifests that go on from excerpts to the whole."""
WIDTH = 2
"""Of each promise, manifests that a sweep of excerpts changes."""
ALIKE_COST, ALIKE_WAIT = 0.002, 0.01
"""Outcomes that differ by less than these shares are alike: one of them goes on for all."""
DOUBT_COST, DOUBT_WAIT = 0.02, 0.15
"""By what shares an expected cost and an expected wait may be wrong."""

Judge = Callable[[Sequence[Manifest]], Sequence[Judged]]
Choose = Callable[[Manifest, Sequence[Manifest]], Sequence[Manifest]]
"""Given a manifest and changes of it, returns those that are worth a try."""


def every(_: Manifest, several: Sequence[Manifest]) -> Sequence[Manifest]:
    """Return all of them."""
    return several


@dataclass(frozen=True, slots=True)
class Tried:
    """A manifest, and what came of it; its key, and how many fields it changes, for they are asked for often."""

    manifest: Manifest
    outcome: Judged
    key: str
    changes: int


@dataclass(frozen=True, slots=True)
class Row:
    """The best that was found for a promise; `kept`: whether that keeps it."""

    slo: Slo
    tried: Tried
    kept: bool


class Search:
    """What was tried, on one part of a load.

    Args:
        judge: Plays manifests.
        slos: The promises, from the strictest to the laxest.
        width: How many of the best for each promise a sweep changes.
    """

    def __init__(self, judge: Judge, slos: Sequence[Slo], width: int = 1) -> None:
        self._judge, self._slos, self._width = judge, slos, width
        self._tried: dict[str, Tried] = {}
        self._refused: set[str] = set()

    def play(self, manifests: Iterable[Manifest]) -> None:
        """Try manifests, those that are new and valid."""
        several = {name: each for each in manifests if (name := key(each)) not in self._tried}
        valid = {name: each for name, each in several.items() if self._is_valid(name, each)}
        fresh = dict(sorted(valid.items(), key=lambda item: _interval(item[1])))
        outcomes = self._judge(list(fresh.values())) if fresh else ()
        for (name, manifest), outcome in zip(fresh.items(), outcomes, strict=True):
            self._tried[name] = Tried(manifest, outcome, name, changes(manifest))

    def sweep(self, sweeps: Iterable[Sweep], only: Slo | None = None, choose: Choose = every) -> None:
        """Change the best for each promise, or for one of them only: one sweep after the other."""
        for each in sweeps:
            best = self.best(self._width, only)
            self.play([changed for manifest in best for changed in choose(manifest, list(each(manifest)))])

    def outcome(self, manifest: Manifest) -> Judged | None:
        """Return what came of a manifest; None: it was not tried, or is not valid."""
        tried = self._tried.get(key(manifest))
        return tried.outcome if tried else None

    def are_alike(self, one: Manifest, other: Manifest) -> bool:
        """Return whether the same came of two manifests, for each promise."""
        first, second = self._tried.get(key(one)), self._tried.get(key(other))
        if first is None or second is None:
            return False
        return all(_are_alike(slo, first, second) for slo in self._slos)

    def may_win(self, cost: float, waits: Callable[[Slo], float]) -> bool:
        """Return whether a manifest may be the best for a promise.

        Args:
            cost: What it is expected to cost.
            waits: The wait that is expected, by the promise that it is about.
        """
        for row in self.frontier:
            least, best = row.tried.outcome.cost, row.slo.waited(row.tried.outcome)
            longest = (row.slo.seconds if row.kept else best) * (1 + DOUBT_WAIT)
            if waits(row.slo) <= longest and (not row.kept or cost <= least * (1 + DOUBT_COST)):
                return True
        return False

    @property
    def frontier(self) -> list[Row]:
        """The best for each promise, from the strictest to the laxest: a laxer one never costs more."""
        rows: list[Row] = []
        for slo in self._slos:
            row = self._best(slo)
            before = rows[-1] if rows else None
            if before and before.kept and before.tried.outcome.cost <= row.tried.outcome.cost:
                row = Row(slo, before.tried, kept=True)
            rows.append(row)
        return rows

    def best(self, count: int, only: Slo | None = None) -> list[Manifest]:
        """Return the best few for each promise, or for one of them only."""
        found: dict[str, Manifest] = {}
        for row in self.frontier:
            if only in (None, row.slo):
                several = (row.tried, *self._ranked(row.slo)[:count])
                found |= islice({tried.key: tried.manifest for tried in several}.items(), count)
        return list(found.values())

    def survivors(self, count: int) -> list[Manifest]:
        """Return the best few for each promise that are not alike."""
        found: dict[str, Manifest] = {}
        for row in self.frontier:
            taken: list[Tried] = []
            for tried in (row.tried, *self._ranked(row.slo)[: count * count]):
                if len(taken) < count and not any(_are_alike(row.slo, tried, each) for each in taken):
                    taken.append(tried)
            found |= {tried.key: tried.manifest for tried in taken}
        return list(found.values())

    def _best(self, slo: Slo) -> Row:
        """Return the simplest of those that cost about as little as the cheapest; of the simplest, the quickest."""
        first = self._ranked(slo)[0]
        if not slo.is_kept_with_room(first.outcome):
            return Row(slo, first, slo.is_kept(first.outcome))
        most = first.outcome.cost * (1 + MARGIN)
        good = (each for each in self._tried.values() if slo.is_kept_with_room(each.outcome))
        about = (each for each in good if each.outcome.cost <= most)
        return Row(slo, min(about, key=partial(_simplicity, slo)), kept=True)

    def _ranked(self, slo: Slo) -> list[Tried]:
        """Return what was tried, the cheapest that keep the promise with room first, then by how long messages wait."""

        def rank(tried: Tried) -> tuple[bool, float, float, int, str]:
            waited, cost = slo.waited(tried.outcome), tried.outcome.cost
            tight = not slo.is_kept_with_room(tried.outcome)
            return (tight, waited if tight else cost, cost, tried.changes, tried.key)

        return sorted(self._tried.values(), key=rank)

    def _is_valid(self, name: str, manifest: Manifest) -> bool:
        if name not in self._refused and is_valid(manifest):
            return True
        self._refused.add(name)
        return False


def _interval(manifest: Manifest) -> int:
    """Return the seconds between two decisions: what decides most often takes longest, and so begins first."""
    return int(get(manifest, POLL) or USUAL_POLL)


def _are_alike(slo: Slo, one: Tried, other: Tried) -> bool:
    near_cost = math.isclose(one.outcome.cost, other.outcome.cost, rel_tol=ALIKE_COST)
    return near_cost and math.isclose(slo.waited(one.outcome), slo.waited(other.outcome), rel_tol=ALIKE_WAIT)


def _simplicity(slo: Slo, tried: Tried) -> tuple[int, float, float, str]:
    return (tried.changes, slo.waited(tried.outcome), tried.outcome.cost, tried.key)


FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Promises of the frontier, over the one that is asked for."""


def ladder(slo: Slo) -> list[Slo]:
    """Return the promises of the frontier, from the strictest to the laxest."""
    return [Slo(slo.seconds * factor, slo.share) for factor in FACTORS]
