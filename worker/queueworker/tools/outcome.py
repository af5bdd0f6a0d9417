"""What a redrive has done, and what it left and why, as sentences. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from queueworker.errors import SqsError
from queueworker.tools.shown import counted


@dataclass(frozen=True, slots=True)
class Left:
    """Why messages stay where they are."""

    because: str
    """The rest of a sentence that begins with their number."""
    intended: bool = False
    """Whether they were to stay; all others make the exit code 1."""


FILTERED: Final = Left("do not match the filter", intended=True)
ARRIVED: Final = Left("came after the start, so that what fails again is not moved round in circles", intended=True)
UNSENT: Final = Left("were in hand when it ended, and are back in the queue")
UNSEEN: Final = Left(
    "were not shown by the queue (about so many): others have them in flight, they are delayed, or in a FIFO queue"
    " behind messages of their group that are left"
)


@dataclass(slots=True)
class Outcome:
    """The result so far."""

    moved: int = 0
    """Or, of a dry run, that would be moved."""
    left: Counter[Left] = field(default_factory=Counter)
    failure: SqsError | None = None
    """What ended it."""
    unconfirmed: int = 0
    """Messages of which SQS confirmed neither the delete nor the release."""
    stopped: bool = False
    """Whether a signal ended it."""

    @property
    def exit_code(self) -> int:
        """0: all moved; 1: something is left that was to be moved."""
        problems = any(not left.intended for left in self.left)
        return int(problems or self.failure is not None or bool(self.unconfirmed) or self.stopped)


def sentences(outcome: Outcome, *, dry_run: bool, seconds: float, visibility_seconds: int) -> Iterator[str]:
    """Yield the summary: what was done, then each reason why something is left; not what ended it."""
    verb = "would be moved" if dry_run else "moved"
    yield f"{counted(outcome.moved)} {verb} in {seconds:.1f} s"
    for left, number in outcome.left.items():
        yield f"{counted(number)} left: {left.because}"
    if outcome.unconfirmed:
        yield (
            f"{counted(outcome.unconfirmed)} could be neither deleted nor released: the queue shows them again within"
            f" {visibility_seconds} s, also those that were sent"
        )
    if outcome.stopped:
        yield "ended by a signal before all messages were looked at: run it again for the rest"
    if dry_run:
        yield "dry run: nothing was changed, but each message that was looked at has been received once more"
