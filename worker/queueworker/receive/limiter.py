"""The receive gate: how many messages may be received now. Back-pressure while open, nothing once closed.

The receivers take slots, the end of each message's work gives one back, shutdown closes the gate.
"""

import threading

GATHER_SECONDS = 0.005
"""How long a receiver waits for more slots once one is free: a request costs the same for ten messages as for one."""


class Slots:
    """As many slots as messages may be worked on at the same time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._wanted = 1  # as many as a receiver waits for
        self._changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no message may be received or started any more."""
        return self._closed

    def take(self, most: int) -> int:
        """Wait for free slots and take up to `most` of them; 0 when the gate is closed."""
        wanted = min(most, self.size)
        with self._changed:
            self._wanted = wanted
            while not self._closed:
                self._changed.wait_for(lambda: self._closed or self._free > 0)
                if self._free < wanted:
                    self._changed.wait_for(lambda: self._closed or self._free >= wanted, GATHER_SECONDS)
                taken = min(wanted, self._free)  # none, when another receiver was faster
                if taken and not self._closed:
                    self._free -= taken
                    return taken
            return 0

    def give_back(self, number: int = 1) -> None:
        """Free slots. To wake a thread is dear: receivers are for the first of them, and when there are enough."""
        with self._changed:
            first = self._free == 0
            self._free += number
            if first or self._free >= self._wanted:
                self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing of the gate. No time, or less than that, is no wait."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, max(0.0, seconds))

    def close(self) -> None:
        """Close the gate for good; whoever waits at it is let go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
