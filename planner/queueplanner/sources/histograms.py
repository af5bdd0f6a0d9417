"""Histograms of Prometheus: how many times lie in each bucket. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from queueplanner.work import Empirical


@dataclass(frozen=True, slots=True)
class Histogram:
    """Times in buckets.

    Args:
        bounds: Upper bounds in seconds, the lowest first, without infinity.
        counts: Times in each bucket alone; one more than bounds: the last are above all of them.
        seconds: Sum of the times; None: it is not known.
    """

    bounds: tuple[float, ...]
    counts: tuple[float, ...]
    seconds: float | None = None

    @property
    def draw(self) -> Empirical:
        """Times as these."""
        mean = None if self.seconds is None else self.seconds / sum(self.counts)
        return Empirical.of(self.bounds, self.counts, mean)

    def quantile(self, share: float) -> tuple[float, float]:
        """Return between which two times the one lies that so many are not longer than."""
        wanted, below = share * sum(self.counts), 0.0
        edges = pairwise((0.0, *self.bounds, math.inf))
        for count, bucket in zip(self.counts, edges, strict=True):
            below += count
            if below >= wanted:
                return bucket
        return self.bounds[-1], math.inf


def parse_buckets(series: Sequence[tuple[Mapping[str, str], float]], seconds: float | None = None) -> Histogram | None:
    """Return the histogram of series with a label `le`, which count all times up to it; None when there is no time."""
    cumulative = sorted((float(labels["le"]), value) for labels, value in series if "le" in labels)
    bounds = tuple(bound for bound, _ in cumulative if bound != math.inf)
    values = [value for _, value in cumulative]
    if not bounds or len(values) != len(bounds) + 1 or values[-1] <= 0:
        return None
    counts = tuple(max(0.0, after - before) for before, after in pairwise((0.0, *values)))
    return Histogram(bounds, counts, seconds)
