"""Decides which message of a FIFO queue may start: those of a group run one at a time, in order. Pure.

`work` calls it. A group's failure stops that group only: what was received behind the failed message is released
unstarted.
"""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class MessageGroups(Generic[T]):
    """The waiting items of each group that has one running. Not safe to share between threads without a lock."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}

    def try_start(self, group: str, item: T) -> bool:
        """Return whether the item may start now; else it waits for its turn in the group."""
        waiting = self._waiting.get(group)
        if waiting is None:
            self._waiting[group] = deque()
            return True
        waiting.append(item)
        return False

    def succeeded(self, group: str) -> T | None:
        """Record the success of a group's running item; return the next one, which may start now."""
        waiting = self._waiting[group]
        if waiting:
            return waiting.popleft()
        del self._waiting[group]
        return None

    def failed(self, group: str) -> list[T]:
        """Record the failure of a group's running item; return all that waited behind it and must not start."""
        return list(self._waiting.pop(group))
