"""What was played, as the commands print it: policies with the outcomes of their runs, and what is to be said. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from queueplanner.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Result:
    """A policy.

    Args:
        name: What people call it.
        outcomes: Of its runs, in the order of the seeds; one or more.
        unchecked: Assumptions of its model that nobody could check, in sentences.
    """

    name: str
    outcomes: Sequence[Outcome]
    unchecked: Sequence[str] = ()

    @property
    def unhandled(self) -> int:
        """The most messages that a run left behind."""
        return max(each.unhandled for each in self.outcomes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is printed.

    Args:
        load: What came, in words.
        seconds: How long the load lasts.
        seeds: Of the runs.
        results: The policies.
        notes: What is not known of load and work, in sentences.
    """

    load: str
    seconds: float
    seeds: Sequence[int]
    results: Sequence[Result]
    notes: Sequence[str]

    @property
    def remarks(self) -> list[str]:
        """All sentences that belong under the figures."""
        left = [
            f"{each.name} left {each.unhandled:,} messages in the queue: what they wait for is in none of its times"
            for each in self.results
            if each.unhandled
        ]
        unchecked = [f"{each.name}: {sentence}" for each in self.results for sentence in each.unchecked]
        return list(dict.fromkeys([*left, *self.notes, *unchecked]))
