"""Workers whose messages take much less than a step: all of them together are one that is as many times faster.

What that leaves out is about one service time: a message alone is not handled faster than one worker can.
"""

from random import Random

import numpy as np

from queueplanner.aggregated.messages import Floats, Group, Integers, Messages
from queueplanner.aggregated.workers import NOBODY, Workers
from queueplanner.work import Work

BRIEF_SECONDS = 0.25
"""Messages that take no longer, on average, are brief."""

_MARGIN = 1.2
_FEWEST = 10


class BriefWorkers(Workers):
    """Workers as `Workers`, whose places become ready at the end of a step only."""

    def __init__(self, work: Work, messages: Messages, services: Random, generator: np.random.Generator) -> None:
        super().__init__(work, messages, services, generator)
        self._clear_at = 0.0

    def handle(self, until: float) -> None:
        """Handle what waits, and what comes before a time, as fast as all slots together can."""
        serving = np.flatnonzero(self._open & ((self._numbers != NOBODY) | (self._free_at <= self.now)))
        if not len(serving):
            return
        free_at = max(self._clear_at, self.now)
        work = self._work.service.mean_seconds / len(serving)
        while self._messages.visible and free_at < until:
            most = int(_MARGIN * (until - free_at) / work) if work else self._messages.visible
            group = self._messages.receive(most + _FEWEST)
            free_at = self._handle(serving, group, free_at, until)
        self._clear_at = free_at

    def _handle(self, serving: Integers, group: Group, free_at: float, until: float) -> float:
        """Handle the messages that begin before a time, in order, and give back the others; return when it is free.

        Lindley's recursion: each begins when it is sent, or when those before it are done.
        """
        each = self.service_seconds(group) / len(serving)
        before = np.cumsum(each) - each
        begun = before + np.maximum.accumulate(np.maximum(group.times - before, free_at))
        begun = np.maximum(begun, group.times)  # where rounding made it a little less
        count = int(np.searchsorted(begun, until))
        if count < len(group):
            self._messages.give_back(group.part(slice(count, None)))
            group, begun, each = group.part(slice(count)), begun[:count], each[:count]
        if not count:
            return free_at if not self._messages.visible else until
        ends = self.begin(group, begun)
        self._share(serving, group, begun, ends, until)
        return float(begun[-1] + each[-1])

    def _share(self, serving: Integers, group: Group, begun: Floats, ends: Floats, until: float) -> None:
        """Say which slot had which message: those that go on at the end of the step are in slots of their own."""
        slots = serving[self._generator.integers(len(serving), size=len(group))]
        free = self._generator.permutation(serving[self._free_at[serving] <= until])
        held = np.flatnonzero(ends > until)[-len(free) :] if len(free) else np.empty(0, np.int64)
        slots[held] = free[: len(held)]
        self.count_polls(begun - self._polls_since[slots])
        self._taken += np.bincount(slots, minlength=len(self._taken))
        self._busy += np.bincount(slots, ends - begun, minlength=len(self._busy))
        self._polls_since[slots] = ends
        self.hold(slots[held], group.part(held), begun[held], ends[held])
