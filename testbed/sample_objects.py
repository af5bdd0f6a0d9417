"""The operator's metrics as prometheus_client writes them: an object for each sample, and all text at once.

Tests compare what the operator writes itself with it, and a benchmark what that costs.
"""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric

from queueworkerpool.report.pool_record import ShownPool
from queueworkerpool.report.pool_series import FAMILIES, PoolSeries
from queueworkerpool.report.sample_lines import Family


class WithSampleObjects:
    """A registry's metrics, those of pools with their samples: what an encoder of prometheus_client takes."""

    def __init__(self, registry: CollectorRegistry, pools: PoolSeries, now: datetime) -> None:
        self._registry = registry
        self._records = pools.records
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics, in the registry's order."""
        families = {family.name: family for family in FAMILIES}
        for metric in self._registry.collect():
            yield self._with_samples(families[metric.name]) if metric.name in families else metric

    def _with_samples(self, family: Family[ShownPool]) -> Metric:
        metric = family.head()
        for key, record in self._records.items():
            for values, value in family.samples(ShownPool(*key, record, self._now)):
                metric.add_metric([*key, *values], value)
        return metric
