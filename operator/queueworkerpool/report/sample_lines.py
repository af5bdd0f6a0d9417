"""Writes the lines of many pools' samples on /metrics, piece by piece. `pool_series` uses it.

prometheus_client makes an object of each sample and holds all of them and their text at once, which ten thousand pools
cannot afford (ADR 0029). Names, types and help texts stay its own: only the lines below them are written here, and a
test compares them with its own. It knows nothing of pools but their two labels.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.utils import floatToGoString

POOLS_AT_ONCE = 50
"""Pools whose lines of one family are written at once, in about a millisecond: other threads wait meanwhile."""

_POOL = ("namespace", "pool")
_WHOLE_NUMBERS_KEPT = 1024
_LABELS_KEPT = 256
"""More than any family has of reasons, outcomes or conditions; of queues' names, the last ones."""


class Labelled(Protocol):
    """A pool, with its own two labels as they are written: escaped."""

    @property
    def namespace(self) -> str:
        """The label `namespace`."""

    @property
    def pool(self) -> str:
        """The label `pool`."""


PoolT = TypeVar("PoolT", bound=Labelled)
Samples = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Family(Generic[PoolT]):
    """One metric that pools have.

    Args:
        kind: prometheus_client's type of it: a gauge or a counter.
        name: Its name, without what the samples of a counter end in.
        documentation: Its help text.
        labels: The names of its labels besides `namespace` and `pool`.
        samples: Returns a pool's samples: the values of `labels`, and the number.
    """

    kind: type[GaugeMetricFamily] | type[CounterMetricFamily]
    name: str
    documentation: str
    labels: tuple[str, ...]
    samples: Callable[[PoolT], Samples]

    @property
    def sample_name(self) -> str:
        """The name of its samples."""
        return f"{self.name}_total" if self.kind is CounterMetricFamily else self.name

    def head(self) -> GaugeMetricFamily | CounterMetricFamily:
        """Return the metric without a sample."""
        return self.kind(self.name, self.documentation, labels=[*_POOL, *self.labels])

    def lines(self, pools: Sequence[PoolT]) -> Iterator[bytes]:
        """Yield the lines of all samples, those of a few pools at a time."""
        around = lru_cache(_LABELS_KEPT)(self._around_pool)
        for first in range(0, len(pools), POOLS_AT_ONCE):
            written = []
            for pool in pools[first : first + POOLS_AT_ONCE]:
                namespace, name = pool.namespace, pool.pool
                for values, value in self.samples(pool):
                    before, between, after = around(values)
                    number = _whole(value) if isinstance(value, int) else _decimal(value)
                    written.append(f"{before}{namespace}{between}{name}{after}{number}\n")
            yield "".join(written).encode()

    def _around_pool(self, values: tuple[str, ...]) -> tuple[str, str, str]:
        """Return a line's text before, between and after its pool's own labels; labels are in alphabetical order."""
        own = sorted(zip(self.labels, map(escaped, values), strict=True))
        before = "".join(f'{name}="{value}",' for name, value in own if name < "namespace")
        between = "".join(f',{name}="{value}"' for name, value in own if "namespace" < name < "pool")
        after = "".join(f',{name}="{value}"' for name, value in own if name > "pool")
        return f'{self.sample_name}{{{before}namespace="', f'"{between},pool="', f'"{after}}} '


def escaped(value: str) -> str:
    """Return a label's value as it is written between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _decimal(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call] # theirs


_whole = lru_cache(_WHOLE_NUMBERS_KEPT)(_decimal)
