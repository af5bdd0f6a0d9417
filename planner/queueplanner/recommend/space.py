"""What may be set, as data: for each field the values to try, coarse ones first, then those near to what is good. Pure.

A sweep makes manifests of one. `search` plays them; which of them is good it alone knows.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from queueplanner.play import Scenario
from queueplanner.recommend import manifest as fields
from queueplanner.recommend.manifest import Manifest, Path, get, put, with_schedules
from queueplanner.recommend.needs import Needs, learned
from queueplanner.recommend.slo import Slo

Sweep = Callable[[Manifest], Iterable[Manifest]]

LATENCIES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Targets of latency to try, over the promise. One of the wait, and not of the time to done, may be larger than it."""
SHARES = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0, 256.0)
"""Messages per pod to try, over the concurrency."""
READY = ((0.25, 0.5, 0.75, 1.0, 1.5), (0.1, 0.25, 0.5, 0.75, 1.0, 1.25))
"""Pods that are always ready to try, over the mean and the highest need."""
NEAR = (0.6, 0.75, 0.85, 0.93, 1.08, 1.2, 1.4)
"""Numbers near to a good one, over it."""
SHORTEST_WINDOW = 15
"""With none, one count that is too low takes pods away. `qwp validate` warns of it."""
WINDOWS = (SHORTEST_WINDOW, 30, 60, 120, 300, 600, 1200, 2400)
SHORTEST_EMPTY = 60
"""SQS may need a minute until its counts are right, which no run here shows."""
EMPTY = (SHORTEST_EMPTY, 180, 300, 600, 1200, 1800, 3600, 7200)
POLLS = (1, 2, 3, 10, 15, 30, 60)
USUAL_POLL = 5
MOST_READINGS = 20
"""More readings than that within the promise gain nothing."""
LONGEST_LATENCY, MOST_MESSAGES = 86_400, 1_000_000
LONGEST_WINDOW, LONGEST_EMPTY, LONGEST_POLL = 3_600, 86_400, 300


@dataclass(frozen=True, slots=True)
class Space:
    """What may be set, for a question.

    Args:
        slo: What is promised.
        scenario: What work and workers are like.
        found: What the load needs.
        kept: Fields that stay as they are.
    """

    slo: Slo
    scenario: Scenario
    found: Needs
    kept: frozenset[Path] = frozenset()

    @property
    def coarse(self) -> list[Sweep]:
        """The sweeps from nothing, in the order in which fields matter."""
        sweeps: list[tuple[Path, Sweep]] = [
            (fields.TARGET, partial(_each, fields.TARGET, self.targets)),
            (fields.MIN, partial(_each, fields.MIN, self.always_ready)),
            (fields.SCHEDULES, self._scheduled),
            (fields.TARGET, partial(_each, fields.TARGET, self.targets)),
            (fields.WINDOW, partial(_each, fields.WINDOW, (None, *WINDOWS))),
            (fields.ZERO_AFTER, partial(_each, fields.ZERO_AFTER, (None, *EMPTY))),
            (fields.ACTIVE_MIN, partial(_each, fields.ACTIVE_MIN, self.always_ready)),
            (fields.POLL, partial(_each, fields.POLL, self.polls)),
        ]
        return [sweep for path, sweep in sweeps if path not in self.kept]

    @property
    def fine(self) -> list[Sweep]:
        """The sweeps near to what is good, and one that leaves out what does not help."""
        return [self.near_targets, self.near_numbers, self.near_targets, self._simpler]

    @property
    def slow(self) -> list[Sweep]:
        """The sweeps of what takes a pool hours, each from the shortest to the longest."""
        values = {fields.WINDOW: WINDOWS, fields.ZERO_AFTER: EMPTY}
        return [partial(_each, path, (None, *times)) for path, times in values.items() if path not in self.kept]

    @property
    def last(self) -> list[Sweep]:
        """The sweeps that end a search: near to what is good, and one that leaves out what does not help."""
        return [self.near_targets, self._simpler]

    @property
    def targets(self) -> list[dict[str, Any]]:
        """Targets of both kinds."""
        slots, service = self.scenario.work.concurrency, self.scenario.work.service.mean_seconds
        most = max(4 * self.slo.seconds / service, 4) * slots
        shares = {math.ceil(share * slots) for share in SHARES if share * slots <= min(most, MOST_MESSAGES)}
        least, wanted = self.least_latency, (round(factor * self.slo.seconds) for factor in LATENCIES)
        seconds = {_within(each, least, LONGEST_LATENCY) for each in wanted}
        return [{"messagesPerPod": share} for share in sorted(shares)] + [
            self.latency(number) for number in sorted(seconds)
        ]

    @property
    def least_latency(self) -> int:
        """The shortest latency that starting pods can keep; of others the pool would say that they cannot."""
        return math.floor(self.scenario.work.startup.mean_seconds) + 1

    def latency(self, seconds: int) -> dict[str, Any]:
        """Return a target of latency, with what is known of the work as its first estimates."""
        work = self.scenario.work
        startup = {"startupSeconds": _plain(work.startup.mean_seconds)} if work.startup.mean_seconds else {}
        return {"latencySeconds": seconds, "serviceSeconds": max(_plain(work.service.mean_seconds), 0.001)} | startup

    @property
    def always_ready(self) -> list[int | None]:
        """Pods that are always ready."""
        means, peaks = READY
        several = {1, 2, 3, *(math.ceil(each * self.found.mean) for each in means)}
        several |= {math.ceil(each * self.found.peak) for each in peaks}
        return [None, *sorted(several - {0})]

    @property
    def polls(self) -> list[int | None]:
        """Seconds between two readings: what is short beside the promise is read often enough."""
        return [None, *(each for each in POLLS if each * MOST_READINGS >= self.slo.seconds or each > USUAL_POLL)]

    def _scheduled(self, manifest: Manifest) -> Iterator[Manifest]:
        """Try the schedules that were learned, with and without pods that are always ready."""
        lead = self.scenario.work.startup.mean_seconds + 60
        for schedules in learned(self.found, lead):
            yield with_schedules(manifest, schedules)
            if fields.MIN not in self.kept:
                yield put(with_schedules(manifest, schedules), fields.MIN, None)

    def near_numbers(self, manifest: Manifest) -> Iterator[Manifest]:
        """Try numbers near to those of a manifest."""
        for path, bounds in _BOUNDS.items():
            if path not in self.kept and (value := get(manifest, path)):
                yield from _each(path, _around(value, *bounds), manifest)

    def near_targets(self, manifest: Manifest) -> Iterator[Manifest]:
        """Try targets near to that of a manifest."""
        if fields.TARGET in self.kept:
            return
        target: Mapping[str, Any] = get(manifest, fields.TARGET)
        if "latencySeconds" in target:
            for seconds in _around(target["latencySeconds"], self.least_latency, LONGEST_LATENCY):
                yield put(manifest, fields.TARGET, self.latency(seconds))
        else:
            for share in _around(target["messagesPerPod"], 1, MOST_MESSAGES):
                yield put(manifest, fields.TARGET, {"messagesPerPod": share})

    def _simpler(self, manifest: Manifest) -> Iterator[Manifest]:
        """Leave out one field after the other, and schedules one by one."""
        for path in fields.SEARCHED:
            if path not in self.kept | {fields.TARGET, fields.SCHEDULES}:
                yield put(manifest, path, None)
        schedules: Sequence[Mapping[str, Any]] = get(manifest, fields.SCHEDULES) or ()
        if fields.SCHEDULES not in self.kept:
            for left_out in schedules:
                yield with_schedules(manifest, [each for each in schedules if _is_learned(each) and each != left_out])


_BOUNDS = {
    fields.MIN: (0, 100_000),
    fields.ACTIVE_MIN: (1, 100_000),
    fields.WINDOW: (SHORTEST_WINDOW, LONGEST_WINDOW),
    fields.ZERO_AFTER: (SHORTEST_EMPTY, LONGEST_EMPTY),
    fields.POLL: (1, LONGEST_POLL),
}


def _each(path: Path, values: Iterable[Any], manifest: Manifest) -> Iterator[Manifest]:
    for value in values:
        yield put(manifest, path, value)


def _around(value: int, least: int, most: int) -> list[int]:
    several = {round(value * factor) for factor in NEAR} | {value - 1, value + 1}
    return sorted({_within(each, least, most) for each in several} - {value})


def _within(value: int, least: int, most: int) -> int:
    return min(max(value, least), most)


def _is_learned(schedule: Mapping[str, Any]) -> bool:
    return bool(schedule["name"].startswith(fields.PLANNED))


def _plain(seconds: float) -> float:
    """Return seconds with as many digits as anybody knows of them."""
    rounded = float(f"{seconds:.3g}")
    return int(rounded) if rounded.is_integer() else rounded
