"""One lane per message group of a FIFO queue: messages of a group are started one by one, in order. Pure.

A group's failure stops its own lane only: what was received behind the failed message goes back unstarted.
"""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """The waiting items of each group that has one under way. Not safe to share between threads without a lock."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}

    def enter(self, group: str, item: T) -> bool:
        """Tell whether the item may start now; else it waits in its lane."""
        lane = self._waiting.get(group)
        if lane is None:
            self._waiting[group] = deque()
            return True
        lane.append(item)
        return False

    def advance(self, group: str) -> T | None:
        """After the success of a group's item: the next one, which may start now."""
        lane = self._waiting[group]
        if lane:
            return lane.popleft()
        del self._waiting[group]
        return None

    def stop(self, group: str) -> list[T]:
        """After the failure of a group's item: all that waited behind it, which must not be started."""
        return list(self._waiting.pop(group))
