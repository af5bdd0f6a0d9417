"""The queue: where each message is. `workers` receives from it; it knows no pods.

As SQS it hides what was received until it is deleted or shown again, in no promised order, and moves a message that was
received too often to the dead-letter queue when it would be received once more.
"""

from array import array
from collections import deque

from queueplanner.simulation.events import Events
from queueplanner.simulation.values import UNKNOWN, Counts


class Queue:
    """Messages that wait, and those that are in hand or hidden.

    Args:
        messages: How many will be sent.
        attempts: Receives after which a message goes to the dead-letter queue; 0: there is none.
        events: The time.

    `begun` and `done` are times by message; `left` counts those that may still be handled.
    """

    def __init__(self, messages: int, attempts: int, events: Events) -> None:
        self.begun = array("d", [UNKNOWN]) * messages
        self.done = array("d", [UNKNOWN]) * messages
        self.left = messages
        self.in_flight = self.received = self.dead_lettered = self.lost = 0
        self.visible: deque[int] = deque()
        self._attempts, self._events = attempts, events
        self._receives = array("L", [0]) * (messages if attempts else 0)

    def counts(self) -> Counts:
        """Return what the queue says of itself."""
        return Counts(len(self.visible), self.in_flight)

    def send(self, message: int) -> None:
        """Take a new message."""
        self.visible.append(message)

    def offers(self) -> bool:
        """Return whether a receive would return a message; one that was received too often leaves the queue instead."""
        if self._attempts:
            while self.visible and self._receives[self.visible[0]] >= self._attempts:
                self.visible.popleft()
                self.dead_lettered += 1
                self.left -= 1
        return bool(self.visible)

    def receive(self) -> int:
        """Return the next message, and hide it; there must be one."""
        message = self.visible.popleft()
        if self.begun[message] != self.begun[message]:  # NaN, and faster than math.isnan
            self.begun[message] = self._events.now
        self.in_flight += 1
        self.received += 1
        if self._attempts:
            self._receives[message] += 1
        return message

    def delete(self, message: int) -> None:
        """Forget a message that was handled."""
        self.done[message] = self._events.now
        self.in_flight -= 1
        self.left -= 1

    def show(self, message: int) -> None:
        """Let a message be received again."""
        self.in_flight -= 1
        self.visible.append(message)
