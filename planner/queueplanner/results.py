"""What was played, as it is shown: policies with the outcomes of their runs, and what is to be said. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from queueplanner.accuracy import Accuracy
from queueplanner.figures import Figure, seconds
from queueplanner.outcome import Outcome

MOST_LEFT = 0.01
"""Share of the messages. A few are always left where some never succeed."""


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

    @property
    def is_behind(self) -> bool:
        """Whether it left or lost so many messages that its other figures compare with no others."""
        return any(each.unhandled + each.lost > MOST_LEFT * each.messages for each in self.outcomes)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is shown, as text or as a page.

    Args:
        load: What came, in words.
        seconds: How long the load lasts.
        seeds: Of the runs.
        results: The policies.
        notes: What is not known of load and work, in sentences.
        accuracy: How well the planner repeats the past that the load is from; None: that is not known.
    """

    load: str
    seconds: float
    seeds: Sequence[int]
    results: Sequence[Result]
    notes: Sequence[str]
    accuracy: Accuracy | None = None

    @property
    def summary(self) -> str:
        """What was played, in a line."""
        messages = self.results[0].outcomes[0].messages
        runs = f"; means of {len(self.seeds)} runs" if len(self.seeds) > 1 else ""
        return f"{self.load}: {messages:,} messages in {seconds(self.seconds)}{runs}"

    @property
    def judged(self) -> Sequence[Result]:
        """The policies whose figures can be compared: those that handled their messages, if there are such."""
        return [result for result in self.results if not result.is_behind] or self.results

    def is_best(self, result: Result, figure: Figure) -> bool:
        """Return whether a policy's figure, as it is shown, is the best; none is where all of them are the same."""
        known = [mean for each in self.judged if (mean := figure.mean(each.outcomes)) is not None]
        if result not in self.judged or len(set(map(figure.text, known))) < 2:  # noqa: PLR2004 -- two that differ
            return False
        return figure.text(figure.mean(result.outcomes)) == figure.text(min(known))

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
