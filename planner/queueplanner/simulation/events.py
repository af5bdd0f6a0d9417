"""The time of a run, and what is planned for later. It knows nothing of what happens then."""

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

NEVER = math.inf


class Events:
    """What will happen: in order of time, and at one time in the order in which it was planned.

    `now` is the time; whoever makes something happen that was not planned sets it.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._planned: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0

    @property
    def next_time(self) -> float:
        """When the next event happens."""
        return self._planned[0][0] if self._planned else NEVER

    def plan(self, time: float, event: Callable[..., None], *arguments: Any) -> None:
        """Let an event happen at a time that is not in the past."""
        self._order += 1
        heappush(self._planned, (time, self._order, event, arguments))

    def happen(self) -> None:
        """Let the next event happen."""
        self.now, _, event, arguments = heappop(self._planned)
        event(*arguments)
