"""What happened to a pool's size, as Events tell it: the part that is sent with them, and what is read back."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SizeChange:
    """One change of a pool's size; `reason` is the word that the decision ended with."""

    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An Event about a pool as the API server keeps it; `change` where it tells of a change of size."""

    time: datetime
    type: str
    reason: str
    message: str
    change: SizeChange | None = None
