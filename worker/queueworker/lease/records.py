"""The values of the lease table: leases, and the requests about them. Pure; `table` decides what they become."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from queueworker.model import Disposition, Message

BATCH_SIZE = 10
"""SQS takes at most this many messages per request."""


class Action(Enum):
    """What a request does with its messages."""

    DELETE = auto()
    RELEASE = auto()
    EXTEND = auto()


@dataclass(slots=True, eq=False, kw_only=True)
class Lease:
    """One received message. Times are seconds of one monotonic clock."""

    message: Message
    hidden_since: float  # when its receive was requested: SQS has hidden it then or later
    expires_at: float  # not before this does SQS show it to others, counted from `hidden_since` to be safe
    latest_expiry_at: float  # the same if SQS hid it only when the answer came
    receipt_handle: str  # the latest
    requested_seconds: int = 0  # how long a handler wants it hidden; 0: no request
    disposition: Disposition | None = None  # None: it is being worked on, or waits for that
    settled_at: float = 0.0
    not_before: float = 0.0  # when to try again
    failures: int = 0
    request_pending: bool = False  # a request about it is under way
    lost: bool = False  # SQS will not extend it any more

    def may_start(self, now: float) -> bool:
        """Return whether nobody else can have received the message meanwhile."""
        return not self.lost and now < max(self.expires_at, self.latest_expiry_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """One request about up to ten messages."""

    action: Action
    leases: tuple[Lease, ...]
    visibility_seconds: tuple[int, ...]
    """The new visibility timeout of each message; without meaning where they are deleted."""
    receipt_handles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOutcome:
    """The result of a request: messages for which SQS confirmed it, and those that are given up."""

    confirmed: list[Lease]
    stranded: list[Lease]


def batches(action: Action, entries: Iterable[tuple[Lease, int]]) -> Iterator[BatchRequest]:
    """Split leases, each with its new visibility timeout in seconds, into requests of at most ten."""
    rest = list(entries)
    for start in range(0, len(rest), BATCH_SIZE):
        leases, seconds = zip(*rest[start : start + BATCH_SIZE], strict=True)
        receipt_handles = tuple(lease.receipt_handle for lease in leases)
        yield BatchRequest(action=action, leases=leases, visibility_seconds=seconds, receipt_handles=receipt_handles)
