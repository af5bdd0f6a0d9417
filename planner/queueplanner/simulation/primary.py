"""A server that holds the jobs itself and assigns them to workers, in the place of a queue.

Where it stands for something else than a queue: it assigns one job after the other, in even steps; while it is down
nothing begins, and what is sent waits at the senders, who send it when the server is back. Workers go on with what they
have in hand, and have then handled it. A server that keeps nothing has forgotten those jobs as well as the waiting
ones: one that does not end well is lost.
"""

from collections.abc import Callable

from queueplanner.simulation.events import NEVER, Events
from queueplanner.simulation.messages import Queue
from queueplanner.simulation.values import Primary


class PrimaryServer(Queue):
    """The jobs of a primary server.

    Args:
        messages: How many jobs will be sent.
        attempts: As of a queue.
        spec: What the server is like.
        events: The time, and when it fails.
        assign: Called whenever it may assign something again.
    """

    def __init__(self, messages: int, attempts: int, spec: Primary, events: Events, assign: Callable[[], None]) -> None:
        super().__init__(messages, attempts, events)
        self.senders: list[int] = []
        self._spec, self._assign = spec, assign
        self._step_seconds = 1 / spec.assignments_per_second
        self._next_turn = 0.0
        self._planned_turn = -NEVER
        self._assigned: dict[int, float] = {}
        self._forgot_at = -NEVER
        for start, end in spec.failures:
            events.plan(start, self._fail)
            events.plan(end, self._repair)

    def send(self, message: int) -> None:
        """Take a new job, or leave it with its sender."""
        (self.senders if self._is_down() else self.visible).append(message)

    def offers(self) -> bool:
        """Return whether it can assign a job now."""
        return not self._is_down() and super().offers() and self._has_turn()

    def receive(self) -> int:
        """Assign the next job."""
        message = super().receive()
        self._assigned[message] = self._events.now
        self._next_turn = self._events.now + self._step_seconds
        return message

    def delete(self, message: int) -> None:
        """Forget a job that was done."""
        super().delete(message)
        del self._assigned[message]

    def show(self, message: int) -> None:
        """Let a job be assigned anew, if the server still knows it."""
        super().show(message)
        if self._assigned.pop(message) < self._forgot_at:
            self.visible.pop()
            self._lose(1)

    def _has_turn(self) -> bool:
        """Return whether enough time has passed since the last assignment; if not, it asks again when it has."""
        if self._events.now >= self._next_turn:
            return True
        if self._planned_turn < self._next_turn:
            self._planned_turn = self._next_turn
            self._events.plan(self._next_turn, self._assign)
        return False

    def _is_down(self) -> bool:
        return any(start <= self._events.now < end for start, end in self._spec.failures)

    def _fail(self) -> None:
        if not self._spec.keeps_jobs:
            self._forgot_at = self._events.now
            self._lose(len(self.visible))
            self.visible.clear()

    def _repair(self) -> None:
        if not self._is_down():
            self.visible += self.senders
            self.senders.clear()
            self._assign()

    def _lose(self, jobs: int) -> None:
        self.lost += jobs
        self.left -= jobs
