"""Scrapes of live operators, stretched in time, so that promtool can hold the alerts against hours that took seconds.

A scrape stands for MINUTES_PER_SCRAPE. Until the next one a gauge keeps its value and a counter grows evenly: by as
much as it really grew, only slower, so that shares of counters stay true. A failed scrape makes the series stale, as in
Prometheus.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

MINUTES_PER_SCRAPE = 8
_SAMPLE = re.compile(r"^(queueworkerpool_\w+)(?:{(.*)})? (\S+)$", re.MULTILINE)
_TICKS = {"LateTicks": ("reconcile_lag_seconds", "1.0"), "SlowTicks": ("reconcile_duration_seconds", "2.5")}
_COUNTER = re.compile(r"_(total|count|sum|bucket)$")


class Timeline:
    """The scrapes of one job, which has one process or several."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._series: dict[str, dict[int, float]] = defaultdict(dict)
        self._scrapes = 0

    def add(self, texts: Mapping[str, str]) -> None:
        """Add one scrape of each process: its /metrics by the name of the instance."""
        for instance, text in texts.items():
            for name, labels, value in _SAMPLE.findall(text):
                own = f'instance="{instance}",job="{self._job}"'
                self._series[f"{name}{{{labels + ',' if labels else ''}{own}}}"][self._scrapes] = float(value)
        self._scrapes += 1

    def series(self) -> list[dict[str, str]]:
        """Return the series in promtool's notation, with a sample a minute."""
        return [{"series": name, "values": " ".join(self._minutely(name))} for name in self._series]

    def caused_by_the_machine(self) -> set[str]:
        """Return the alerts about late or slow ticks for which there was a reason: a busy machine makes them right."""
        return {
            alert for alert, (metric, bound) in _TICKS.items() if self._exceeded(f"queueworkerpool_{metric}", bound)
        }

    def _exceeded(self, histogram: str, bound: str) -> bool:
        """Return whether a histogram got a value above one of its bounds between two scrapes."""
        for name, counts in list(self._series.items()):
            if name.startswith(f"{histogram}_count{{"):
                labels = name.partition("{")[2]
                below = self._series[f'{histogram}_bucket{{le="{bound}",{labels}']
                above = [count - below[number] for number, count in counts.items()]
                if any(before < after for before, after in pairwise(above)):
                    return True
        return False

    def _minutely(self, name: str) -> Sequence[str]:
        scraped, grows = self._series[name], bool(_COUNTER.search(name.partition("{")[0]))
        values: list[str] = []
        for number in range(self._scrapes):
            value = scraped.get(number)
            if value is None:
                values += ["stale" if number - 1 in scraped else "_"] + ["_"] * (MINUTES_PER_SCRAPE - 1)
                continue
            later = scraped.get(number + 1, value)
            slope = (later - value) / MINUTES_PER_SCRAPE if grows and later > value else 0.0
            values += [f"{value + slope * minute:.6g}" for minute in range(MINUTES_PER_SCRAPE)]
        return values


def unit_test(
    timeline: Timeline, ends: Mapping[int, Sequence[tuple[str, str]]], ignored: Collection[str] = ()
) -> dict[str, object]:
    """Return promtool's test that exactly these alerts fire.

    Args:
        timeline: What was scraped.
        ends: The alerts that fire, with the pool that each is about or "", by the minute. In the last minute also
            none but those of any minute have ever fired.
        ignored: Alerts that may fire or not.
    """

    def samples(alerts: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
        pairs = ((f'alertname="QueueWorkerPool{alert}"', f'pool="{pool}"' if pool else "") for alert, pool in alerts)
        return [{"labels": f"{{{', '.join(part for part in pair if part)}}}", "value": 1} for pair in sorted(pairs)]

    others = "|".join(f"QueueWorkerPool{alert}" for alert in ignored)
    firing = f'ALERTS{{alertstate="firing", alertname!~"{others}"}}'
    last, all_alerts = max(ends), sorted({alert for alerts in ends.values() for alert in alerts})
    ever = f"group by (alertname, pool) (max_over_time({firing}[{last}m]))"
    expected: list[dict[str, object]] = [
        {"expr": f"group by (alertname, pool) ({firing})", "eval_time": f"{minute}m", "exp_samples": samples(alerts)}
        for minute, alerts in ends.items()
    ]
    expected.append({"expr": ever, "eval_time": f"{last}m", "exp_samples": samples(all_alerts)})
    return {"interval": "1m", "input_series": timeline.series(), "promql_expr_test": expected}
