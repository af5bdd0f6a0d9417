"""The queue, in groups: what was sent, waits, or is hidden. `workers` receives from it; it knows no pods."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from queueplanner.aggregated.arrivals import STEP_SECONDS
from queueplanner.simulation import Sample

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_ROWS = 2_000_000
"""Messages that have a row of their own in the run; of more, every so many-th has one."""

_BLOCK_MESSAGES, _BLOCK_STEPS = 1_000_000, 4_096
"""Of so many messages, roughly, and of no more steps it is drawn at once when they are sent."""


@dataclass(frozen=True, slots=True)
class Group:
    """Messages.

    Args:
        times: From when on each may be received.
        numbers: Which they are, in the order in which they were sent.
        receives: How often each was received before.
        cut_off: Whether its worker was gone the last time.
    """

    times: Floats
    numbers: Integers
    receives: Integers
    cut_off: Flags

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, which: slice | Flags | Integers) -> "Group":
        """Return some of them."""
        return Group(self.times[which], self.numbers[which], self.receives[which], self.cut_off[which])


def joined(groups: Sequence[Group]) -> Group:
    """Return all messages of some groups."""
    if len(groups) == 1:
        return groups[0]
    columns = ("times", "numbers", "receives", "cut_off")
    return Group(*(np.concatenate([getattr(group, column) for group in groups]) for column in columns))


_NOTHING = Group(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))


class Messages:
    """All messages of a run.

    Args:
        counts: How many are sent in each step.
        attempts: Receives after which a message goes to the dead-letter queue; 0: there is none.
        generator: Draws when in its step a message is sent.

    `sent`, `begun` and `done` are times of every so many-th message; `number_sent` is how many have been sent.
    """

    def __init__(self, counts: Integers, attempts: int, generator: np.random.Generator) -> None:
        self._counts, self._attempts, self._generator = counts, attempts, generator
        self.total = int(counts.sum())
        self._block_steps = min(max(_BLOCK_MESSAGES * len(counts) // max(self.total, 1), 1), _BLOCK_STEPS)
        self._every = max(-(-self.total // MOST_ROWS), 1)
        rows = -(-self.total // self._every)
        self.sent, self.begun, self.done = (np.full(rows, np.nan) for _ in range(3))
        self.visible = self.handled = self.dead_lettered = 0
        self._waiting: deque[Group] = deque()
        self._step = self.number_sent = self._of_block = 0
        self._block = np.empty(0)
        self._hidden, self._hidden_since = _NOTHING, np.empty(0)

    @property
    def left(self) -> int:
        """How many may still be handled."""
        return self.total - self.handled - self.dead_lettered

    @property
    def sample(self) -> Sample:
        """Which messages have a row."""
        return Sample(self._every, self.total, self.handled)

    def hidden(self, now: float) -> int:
        """Return how many are in nobody's hand and not visible."""
        return int(np.count_nonzero(self._hidden_since <= now))

    def show_until(self, time: float) -> None:
        """Let what is sent, or shown again, by that time wait."""
        due = self._hidden.times <= time
        if due.any():
            self._wait(self._hidden.part(due))
            self._hidden, self._hidden_since = self._hidden.part(~due), self._hidden_since[~due]
        while self._of_block == len(self._block) and self._step < len(self._counts) and self._starts() <= time:
            self._load()
            self._send(time)
        self._send(time)

    def coming(self, number: int) -> float:
        """Return when the so many-th of the messages that come next is sent; infinite where that is not drawn yet."""
        index = self._of_block + number - 1
        return float(self._block[index]) if index < len(self._block) else math.inf

    def _starts(self) -> float:
        return self._step * STEP_SECONDS

    def _load(self) -> None:
        """Draw when the messages of the next steps are sent."""
        counts = self._counts[self._step : self._step + self._block_steps]
        starts = (self._step + np.arange(len(counts))) * STEP_SECONDS
        drawn = np.repeat(starts, counts) + self._generator.random(int(counts.sum())) * STEP_SECONDS
        self._block, self._of_block = np.sort(drawn), 0
        self._step += len(counts)
        first = -self.number_sent % self._every
        self.sent[-(-self.number_sent // self._every) :][: len(drawn[first :: self._every])] = self._block[
            first :: self._every
        ]

    def _send(self, time: float) -> None:
        end = int(np.searchsorted(self._block, time, side="right"))
        count = end - self._of_block
        if count:
            numbers = np.arange(self.number_sent, self.number_sent + count)
            none = np.zeros(count, np.int64)
            self._wait(Group(self._block[self._of_block : end], numbers, none, none.astype(np.bool_)))
            self._of_block, self.number_sent = end, self.number_sent + count

    def _wait(self, group: Group) -> None:
        self._waiting.append(group)
        self.visible += len(group)

    def receive(self, most: int) -> Group:
        """Take those that wait longest; those that were received too often leave the queue instead."""
        taken = []
        while most and self._waiting:
            group = self._waiting.popleft()
            if len(group) > most:
                self._waiting.appendleft(group.part(slice(most, None)))
                group = group.part(slice(most))
            taken.append(group)
            most -= len(group)
        group = joined(taken) if taken else _NOTHING
        self.visible -= len(group)
        if not self._attempts:
            return group
        dead = group.receives >= self._attempts
        self.dead_lettered += int(np.count_nonzero(dead))
        return group.part(~dead)

    def give_back(self, group: Group) -> None:
        """Let messages wait again, before all others."""
        self._waiting.appendleft(group)
        self.visible += len(group)

    def begin(self, group: Group, begun: Floats, done: Floats) -> None:
        """Record when messages begin, and until when they will be handled; NaN: that fails."""
        self.handled += int(np.count_nonzero(done == done))  # noqa: PLR0124 -- not NaN
        rows, which = self._rows(group.numbers)
        first = np.isnan(self.begun[rows])
        self.begun[rows[first]] = begun[which][first]
        self.done[rows] = done[which]

    def undo(self, numbers: Integers) -> int:
        """Forget how messages would have ended that are in hand; return how many would have failed."""
        fail = np.isin(self._hidden.numbers, numbers)
        self._hidden, self._hidden_since = self._hidden.part(~fail), self._hidden_since[~fail]
        failing = int(np.count_nonzero(fail))
        self.handled -= len(numbers) - failing
        rows, _ = self._rows(numbers)
        self.done[rows] = np.nan
        return failing

    def _rows(self, numbers: Integers) -> tuple[Integers, Flags | slice]:
        """Return the rows of the messages that have one, and which these are."""
        if self._every == 1:
            return numbers, slice(None)
        which = numbers % self._every == 0
        return numbers[which] // self._every, which

    def hide(self, group: Group, since: Floats) -> None:
        """Show messages again at their times; from `since` on they are in nobody's hand."""
        self._hidden = joined([self._hidden, group])
        self._hidden_since = np.concatenate([self._hidden_since, since])
