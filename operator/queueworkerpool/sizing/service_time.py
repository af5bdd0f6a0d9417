"""The time that one message takes, learned from what workers report. Pure; `workers.sampler` feeds it.

A worker reports sums: messages finished, and seconds in which it was busy. Their quotient is the mean, once there are
enough messages; three things go wrong on the way there. Seconds in which nothing finished must not be thrown away, or
no message seems longer than the time between two samples. What runs now and has run for longer than the mean is
evidence too, long before it finishes. And few messages must not outweigh many, or one long message moves the pool.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_MESSAGES = 1000.0
"""The mean is over about so many of the latest messages: within 10 % for spreads up to three times the mean."""

DECLARED_MESSAGES = 3.0
"""Until so many messages have finished, the declared service time stands for those that are missing."""

_ENOUGH = 200.0  # messages that show a change, ...
_CHANGED = 3.0  # ... when they take so many times longer or shorter than those before: then those are forgotten


@dataclass(frozen=True, slots=True)
class Evidence:
    """Seconds of work, and the messages that they were spent on."""

    busy_seconds: float = 0.0
    messages: float = 0.0

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.busy_seconds + other.busy_seconds, self.messages + other.messages)

    @property
    def mean(self) -> float:
        """Seconds per message."""
        return self.busy_seconds / self.messages


_NOTHING = Evidence()


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """The mean over `messages` messages (at most MOST_MESSAGES), None when none has finished.

    `recent` is the latest part of them, in which a change shows, and `before` the mean of those before that part.
    `replaced`: the mean before the last change, until MOST_MESSAGES have been handled since.
    """

    seconds: float | None = None
    messages: float = 0.0
    recent: Evidence = _NOTHING
    before: float | None = None
    replaced: float | None = None

    def after(self, evidence: Evidence) -> "ServiceTime":
        """Return the mean once these messages have been handled too."""
        if evidence.messages <= 0:
            return self
        recent = self.recent + evidence
        if self._has_changed(recent):
            return ServiceTime(recent.mean, min(recent.messages, MOST_MESSAGES), replaced=self._before)
        messages = self.messages + evidence.messages
        seconds = ((self.seconds or 0.0) * self.messages + evidence.busy_seconds) / messages
        messages = min(messages, MOST_MESSAGES)
        replaced = self.replaced if messages < MOST_MESSAGES else None
        if recent.messages >= _ENOUGH or self._before is None:
            return ServiceTime(seconds, messages, replaced=replaced)
        return ServiceTime(seconds, messages, recent, self._before, replaced)

    def expected(self, declared: float | None, running: Iterable[Evidence]) -> float | None:
        """Return the best guess of the mean: with what is declared, and with messages that have run for long already.

        A message that has run for less than the mean says nothing; one that has run for longer takes that long at
        least, and so counts as if it had just finished. None when nothing is known at all.
        """
        return self._filled_up(declared).with_longer(running).seconds

    def with_longer(self, unfinished: Iterable[Evidence]) -> "ServiceTime":
        """Return the mean with those messages that have run for longer, as if they had just finished."""
        known = self
        for each in sorted(unfinished, key=lambda each: each.mean, reverse=True):
            if known.seconds is None or each.mean <= known.seconds:
                break
            known = known.after(each)
        return known

    def _filled_up(self, declared: float | None) -> "ServiceTime":
        missing = DECLARED_MESSAGES - self.messages
        if declared is None or missing <= 0:
            return self
        seconds = ((self.seconds or 0.0) * self.messages + declared * missing) / DECLARED_MESSAGES
        return ServiceTime(seconds, DECLARED_MESSAGES)

    @property
    def _before(self) -> float | None:
        return self.before if self.recent.messages else self.seconds

    def _has_changed(self, recent: Evidence) -> bool:
        """Return whether these messages are so many, and so different, that those before say nothing any more."""
        if not self._before:
            return False
        worth = recent.busy_seconds / self._before  # messages that the same time was enough for before
        slower = worth >= _ENOUGH * _CHANGED and worth >= recent.messages * _CHANGED
        return slower or (recent.messages >= _ENOUGH and worth * _CHANGED <= recent.messages)
