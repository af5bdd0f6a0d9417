"""What is asked, and what is answered. Pure values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from queueplanner.loads import DAY_SECONDS
from queueplanner.outcome import Outcome
from queueplanner.play import Candidate, Scenario
from queueplanner.recommend.manifest import Manifest, Path
from queueplanner.recommend.search import Row
from queueplanner.recommend.sensitivity import Effect, worst
from queueplanner.recommend.slo import Slo

AGREES = 0.1
"""How far the cost on the rest of the load may be from what was expected, as a share."""


def no_rivals(_: int) -> Sequence[Candidate]:
    """Return none."""
    return ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Args:
        slo: What is promised.
        scenario: The load, and what handles it.
        manifest: The pool as it is. Fields that are not searched over stay, and its maxReplicas are a limit.
        is_new: Whether there is no such pool yet: then the manifest's target is replaced, and its maxReplicas too
            where `most` is None.
        most: The most pods that there may be; None: nobody said.
        kept: Fields that stay as they are.
        rivals: Returns what is played beside it, for the most pods that there may be.
        is_screened: Whether most settings are played on excerpts of a long load, and only the best on the whole.
    """

    slo: Slo
    scenario: Scenario
    manifest: Manifest
    is_new: bool = False
    most: int | None = None
    kept: frozenset[Path] = frozenset()
    rivals: Callable[[int], Sequence[Candidate]] = no_rivals
    is_screened: bool = True


@dataclass(frozen=True, slots=True)
class Expected:
    """What a policy does on the part of the load that was chosen on, and on the rest."""

    name: str
    chosen_on: Outcome
    judged_on: Outcome


@dataclass(slots=True)
class Runs:
    """What was played.

    Args:
        of_excerpts: Settings that were played on excerpts.
        of_wholes: Runs of a whole part of the load.
        messages: Messages in both.
    """

    of_excerpts: int = 0
    of_wholes: int = 0
    messages: int = 0

    @property
    def total(self) -> int:
        """Both kinds of runs."""
        return self.of_excerpts + self.of_wholes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is recommended. Costs are of the part of the load that they are about; `daily` makes them comparable.

    Args:
        slo: What is promised.
        manifest: The one to apply.
        expected: What it does.
        before: What the present manifest does; where there is none, one with every default.
        rivals: What others do.
        scenario: What was chosen on.
        seconds: How long the two parts of the load are.
        frontier: What other promises would cost, from the strictest to the laxest.
        effects: What it does when an assumption is wrong.
        obstacles: Why no manifest keeps the promise, in sentences; none: this one does.
        notes: What is not known, in sentences.
        runs: What was played to find it.
    """

    slo: Slo
    manifest: Manifest
    expected: Expected
    before: Expected
    rivals: tuple[Expected, ...]
    scenario: Scenario
    seconds: tuple[float, float]
    frontier: tuple[Row, ...]
    effects: tuple[Effect, ...]
    obstacles: tuple[str, ...]
    notes: tuple[str, ...]
    runs: Runs

    @property
    def is_kept(self) -> bool:
        """Whether it keeps the promise on the part of the load that it was chosen on."""
        return self.slo.is_kept(self.expected.chosen_on)

    @property
    def is_kept_elsewhere(self) -> bool:
        """Whether it keeps the promise on the rest."""
        return self.slo.is_kept(self.expected.judged_on)

    @property
    def costs_as_expected(self) -> bool:
        """Whether it costs about as much on the rest."""
        expected, found = self.daily(self.expected)
        return abs(found - expected) <= AGREES * expected

    @property
    def worst(self) -> Effect:
        """The wrong assumption that would change the answer most."""
        return worst(self.effects)

    def daily(self, of: Expected) -> tuple[float, float]:
        """Return the costs per day, on both parts."""
        chosen, judged = (DAY_SECONDS / seconds for seconds in self.seconds)
        return of.chosen_on.cost * chosen, of.judged_on.cost * judged
