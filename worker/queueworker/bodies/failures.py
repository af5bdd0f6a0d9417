"""What can be wrong with a body or with the type that it is to become. No text repeats what the body says.

A body may be secret, and these texts are logged and sent to the dead-letter queue. They name the place, what was
expected there, and which kind of value was found.
"""

from typing import Any, Final, Self

from queueworker.errors import QueueWorkerError
from queueworker.model import Reject

MAX_REASON_LENGTH = 500
"""Characters of the sentence about a body that does not fit."""

_JSON_NAMES: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


class UnfitBodyError(Reject):
    """A body is not what its handler takes, or not in the envelope that was announced. No further try would help."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason if len(reason) <= MAX_REASON_LENGTH else reason[: MAX_REASON_LENGTH - 1] + "…")


class UnservableTypeError(QueueWorkerError):
    """No body can become a value of this type; the text says which type, and where it stands."""


class NotJsonError(Exception):
    """A body is not JSON; the text says why."""


class Misfit(Exception):  # noqa: N818 -- it is about the data, and never leaves `bodies`
    """A value of JSON is not what its place asks for."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self._problem = problem
        self.path = ""
        """Where the value is, from the outermost that is known by now; empty for that itself."""

    @classmethod
    def of(cls, expected: str, found: Any) -> Self:
        """Return the misfit of a value of JSON."""
        return cls(f"expected {expected}, found {_JSON_NAMES[type(found)]}")

    def inside(self, step: str) -> Self:
        """Return the same, seen from one level further out; a step is a field's name or `[index]`."""
        separator = "" if not self.path or self.path.startswith("[") else "."
        self.path = step + separator + self.path
        return self

    def __str__(self) -> str:
        return f"{self.path}: {self._problem}" if self.path else self._problem
