"""What was played, as it is shown: policies with the outcomes of their runs, and what is to be said. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from queueplanner.accuracy import Accuracy
from queueplanner.figures import Figure, seconds
from queueplanner.outcome import Outcome
from queueplanner.simulation import Mode

MOST_LEFT = 0.01
"""Share of the messages. A few are always left where some never succeed."""

_GROUPED = (
    "calculated in the aggregated mode, in groups of messages: when within its second each was sent is drawn, and waits"
    " are those of every so many-th of them"
)


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
        own_past: How wrong the planner is about the past of the pool that the load is of; None: there is no such pool.
    """

    load: str
    seconds: float
    seeds: Sequence[int]
    results: Sequence[Result]
    notes: Sequence[str]
    own_past: Accuracy | None = None

    @property
    def summary(self) -> str:
        """What was played, in a line."""
        messages = self.results[0].outcomes[0].messages
        runs = f"; means of {len(self.seeds)} runs" if len(self.seeds) > 1 else ""
        return f"{self.load}: {messages:,} messages in {seconds(self.seconds)}{runs}"

    def tells(self, figure: Figure) -> bool:
        """Return whether a figure is neither zero nor unknown for one of the policies."""
        return any(figure.mean(result.outcomes) for result in self.results)

    def best(self, figure: Figure) -> str | None:
        """Return the best value of a figure as it is shown; None where all are the same, or one is alone.

        Policies that left messages behind compare with no others, where there are others.
        """
        judged = [result for result in self.results if not result.is_behind] or self.results
        known = [mean for result in judged if (mean := figure.mean(result.outcomes)) is not None]
        return figure.text(min(known)) if len(set(map(figure.text, known))) > 1 else None

    def is_best(self, result: Result, figure: Figure) -> bool:
        """Return whether a policy has the best value of a figure."""
        is_judged = not result.is_behind or all(each.is_behind for each in self.results)
        return is_judged and figure.text(figure.mean(result.outcomes)) == self.best(figure)

    @property
    def remarks(self) -> list[str]:
        """All sentences that belong under the figures."""
        left = [
            f"{each.name} left {each.unhandled:,} messages in the queue: what they wait for is in none of its times"
            for each in self.results
            if each.unhandled
        ]
        assumed: dict[str, list[str]] = {}
        for result in self.results:
            for sentence in result.unchecked:
                assumed.setdefault(sentence, []).append(result.name)
        unchecked = [f"{', '.join(names)}: {sentence}" for sentence, names in assumed.items()]
        modes = {run.mode for each in self.results for run in each.outcomes}
        grouped = [_GROUPED] if Mode.AGGREGATED in modes else []
        of_the_past = self.own_past.unchecked if self.own_past else ()
        return list(dict.fromkeys([*left, *grouped, *self.notes, *unchecked, *of_the_past]))
