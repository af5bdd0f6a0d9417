"""Which messages this worker holds, until when, and what SQS must be asked about them next. Pure: `now` is an argument.

The rule that keeps work safe: at most one request about a message is under way. So an extension never races with a
delete, and a message whose work ended during an extension is deleted after the answer. The custodian carries out what
`due` says and reports back through `answered`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from queueworker.backoff import pause_seconds
from queueworker.model import MAX_VISIBILITY_SECONDS, RELEASE, Ending, Message

BATCH = 10
"""SQS takes at most so many messages per request."""

LINGER_SECONDS = 0.05
"""How long an ended message waits for others to fill a batch."""

SCAN_SECONDS = 1.0
"""How often to look for messages that expire soon; more often where visibility is short."""

GIVE_UP_SECONDS = 300.0
"""After so long, an ended message that SQS will neither delete nor release is left to its visibility timeout."""

_FIRST_RETRY_SECONDS = 0.2
_LAST_RETRY_SECONDS = 15.0


class Purpose(Enum):
    """Why SQS is asked."""

    DELETE = auto()
    RELEASE = auto()
    EXTEND = auto()


@dataclass(slots=True, eq=False)
class Lease:
    """One received message. Times are seconds of one monotonic clock."""

    message: Message
    received: float
    expires: float
    ending: Ending | None = None  # None: it is being worked on, or waits for that
    ended: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    asked: bool = False  # a request about it is under way
    lost: bool = False  # SQS will not extend it any more


@dataclass(frozen=True, slots=True)
class Ask:
    """One request about up to ten messages; `seconds` of new visibility for each, unless they are deleted."""

    purpose: Purpose
    leases: tuple[Lease, ...]
    seconds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: messages that are dealt with, and those that were left behind for good."""

    done: list[Lease]
    stranded: list[Lease]


class Leases:
    """Every message between its receipt and its end. Not safe to share between threads without a lock."""

    def __init__(self, visibility_seconds: int) -> None:
        """Take the seconds for which an extension hides a message."""
        self._visibility = visibility_seconds
        self._interval = min(SCAN_SECONDS, visibility_seconds / 6)
        self._held: dict[Lease, None] = {}  # a set in the order of receipt
        self._ended: list[Lease] = []  # those of _held that wait to be deleted or released
        self._next_scan = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, message: Message, expires: float, now: float) -> Lease:
        """Hold a message that SQS hides until then."""
        if not self._held:
            self._next_scan = now + self._interval
        lease = Lease(message, now, expires)
        self._held[lease] = None
        return lease

    def end(self, lease: Lease, ending: Ending, now: float) -> bool:
        """Tell how a message's work ended. The first word counts; returns whether this was it."""
        if lease.ending is not None:
            return False
        lease.ending, lease.ended = ending, now
        self._ended.append(lease)
        return True

    def end_all(self, now: float) -> list[Lease]:
        """Release everything whose work has not ended; returns it."""
        return [lease for lease in self._held if self.end(lease, RELEASE, now)]

    def due(self, now: float, *, flush: bool) -> list[Ask]:
        """What to ask SQS now; `flush` fills no batches first. Every message in it counts as asked until `answered`."""
        asks = list(self._endings(now, flush=flush))
        if now >= self._next_scan and self._held:
            self._next_scan = now + self._interval
            asks += self._extensions(now)
        for ask in asks:
            for lease in ask.leases:
                lease.asked = True
        return asks

    def next_due(self, now: float, *, flush: bool) -> float | None:
        """Seconds until `due` may have something to say; None: not before something else happens."""
        linger = 0.0 if flush else LINGER_SECONDS
        times = [max(lease.not_before, lease.ended + linger) for lease in self._ended if not lease.asked]
        if self._held:
            times.append(self._next_scan)
        return max(0.0, min(times) - now) if times else None

    def answered(self, ask: Ask, failed: Mapping[int, bool], sent: float, now: float) -> Outcome:
        """Take SQS's answer to a request of `sent`: which of its messages failed, and whether another try may help."""
        outcome = Outcome([], [])
        for index, lease in enumerate(ask.leases):
            lease.asked = False
            if index not in failed:
                outcome.done.append(lease)
                self._succeeded(lease, ask, sent + ask.seconds[index])
            elif ask.purpose is Purpose.EXTEND:
                lease.lost = not failed[index]
                self._next_scan = min(self._next_scan, now + self._interval / 4)  # it is urgent by now
            elif failed[index] and now - lease.ended < GIVE_UP_SECONDS:
                lease.failures += 1
                lease.not_before = now + pause_seconds(_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS, lease.failures, 0)
            else:
                outcome.stranded.append(lease)
                self._drop(lease)
        return outcome

    def _succeeded(self, lease: Lease, ask: Ask, expires: float) -> None:
        if ask.purpose is Purpose.EXTEND:
            lease.expires = expires
        else:
            self._drop(lease)

    def _drop(self, lease: Lease) -> None:
        del self._held[lease]
        self._ended.remove(lease)

    def _endings(self, now: float, *, flush: bool) -> Iterator[Ask]:
        ready = [lease for lease in self._ended if not lease.asked and lease.not_before <= now]
        deletes: list[Lease] = []
        releases: list[tuple[Lease, int]] = []
        for lease in ready:
            if lease.ending and lease.ending.visible_after is not None:
                releases.append((lease, lease.ending.visible_after))
            else:
                deletes.append(lease)
        if not flush and deletes and now - deletes[0].ended < LINGER_SECONDS:
            del deletes[len(deletes) - len(deletes) % BATCH :]
        yield from _batches(Purpose.DELETE, ((lease, 0) for lease in deletes))
        yield from _batches(Purpose.RELEASE, releases)

    def _extensions(self, now: float) -> Iterator[Ask]:
        soon = (lease for lease in self._held if self._needs_time(lease, now))
        limits = ((lease, int(lease.received + MAX_VISIBILITY_SECONDS - now)) for lease in soon)
        return _batches(Purpose.EXTEND, [(lease, min(self._visibility, limit)) for lease, limit in limits if limit > 0])

    def _needs_time(self, lease: Lease, now: float) -> bool:
        if lease.asked or lease.lost or lease.expires - now > self._visibility / 2:
            return False
        waits_for_retry = lease.ending is not None and lease.not_before > now
        return lease.ending is None or waits_for_retry


def _batches(purpose: Purpose, entries: Iterable[tuple[Lease, int]]) -> Iterator[Ask]:
    rest = list(entries)
    for start in range(0, len(rest), BATCH):
        leases, seconds = zip(*rest[start : start + BATCH], strict=True)
        yield Ask(purpose, leases, seconds)
