"""Which messages this worker holds, until when, and what SQS must be asked about them next. Pure: `now` is an argument.

The rule that keeps work safe: at most one request about a message is under way. So an extension never races with a
delete, and a message whose work ended during an extension is deleted after the answer. The custodian carries out what
`due` says and reports back through `answered`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from queueworker.backoff import pause_seconds
from queueworker.model import DELETE, MAX_VISIBILITY_SECONDS, RELEASE, Ending, Message

BATCH = 10
"""SQS takes at most so many messages per request."""

LINGER_SECONDS = 0.05
"""How long an ended message waits for others to fill a batch."""

SCAN_SECONDS = 1.0
"""How often to look for messages that expire soon; more often where visibility is short."""

GIVE_UP_SECONDS = 300.0
"""After so long, an ended message that SQS will neither delete nor release is left to its visibility timeout."""

_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.2, 15.0


class Purpose(Enum):
    """Why SQS is asked."""

    DELETE = auto()
    RELEASE = auto()
    EXTEND = auto()


@dataclass(slots=True, eq=False)
class Lease:
    """One received message. Times are seconds of one monotonic clock."""

    message: Message
    since: float  # when it was asked for: SQS has hidden it then or later
    expires: float  # not before this does SQS show it to others; to be safe, counted from the earlier end
    presumed: float  # until then it is ours if SQS had hidden it only when the answer came
    receipt: str  # the latest receipt handle
    wanted: int = 0  # seconds for which a handler wants it hidden, at once
    ending: Ending | None = None  # None: it is being worked on, or waits for that
    ended: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    asked: bool = False  # a request about it is under way
    lost: bool = False  # SQS will not extend it any more

    def may_start(self, now: float) -> bool:
        """Whether nobody else can have been given the message meanwhile."""
        return not self.lost and now < max(self.expires, self.presumed)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request about up to ten messages; `seconds` of new visibility for each, unless they are deleted."""

    purpose: Purpose
    leases: tuple[Lease, ...]
    seconds: tuple[int, ...]
    receipts: tuple[str, ...]


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
        self._held: dict[str, Lease] = {}  # by message id, in the order of receipt
        self._ended: list[Lease] = []  # those of _held that wait to be deleted or released
        self._outlived: list[Lease] = []
        self.unasked = 0  # so many have ended and no request is about them, as of the last `due` and the ends since
        self._next_scan = 0.0
        self._lag = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def add(self, message: Message, since: float, now: float) -> Lease | None:
        """Hold a message that SQS has hidden some time between the request (`since`) and its answer (`now`).

        None when it is here already, and shown again because its extension or delete has failed: that goes on.
        """
        if not self._held:
            self._next_scan = now + self._interval
        known = self._held.get(message.id)
        if known is not None and (known.ending is None or known.ending is DELETE):
            known.since, known.expires, known.receipt = since, since + self._visibility, message.receipt_handle
            known.lost, known.not_before = False, now
            return None
        if known is not None and not known.asked:
            self._drop(known)  # it was to be shown again, and was
        lease = Lease(message, since, since + self._visibility, now + self._visibility, message.receipt_handle)
        self._held[message.id] = lease
        return lease

    def end(self, lease: Lease, ending: Ending, now: float) -> bool:
        """Tell how a message's work ended. The first word counts; returns whether this was it."""
        if first := lease.ending is None:
            lease.ending, lease.ended = ending, now
            self._ended.append(lease)
            self.unasked += 1
        return first

    def want(self, lease: Lease, seconds: int, now: float) -> None:
        """Extend a message as soon as possible, whatever is left of its time."""
        lease.wanted = max(lease.wanted, seconds)
        self._next_scan = now

    def abandon(self, lease: Lease) -> None:
        """Leave a message alone: it may be another worker's by now."""
        if lease.ending is None:
            self._drop(lease)

    def pop_outlived(self) -> list[Lease]:
        """Those that SQS does not hide any more, because 12 hours were over, since the last call."""
        outlived, self._outlived = self._outlived, []
        return outlived

    def lag(self, now: float) -> float:
        """Seconds by which the last look for messages to extend was late, or the next one is by now."""
        return max(self._lag, now - self._next_scan) if self._held else 0.0

    def end_all(self, now: float) -> list[Lease]:
        """Release everything whose work has not ended; returns it."""
        return [lease for lease in self._held.values() if self.end(lease, RELEASE, now)]

    def due(self, now: float, *, flush: bool) -> list[Ask]:
        """What to ask SQS now; `flush` fills no batches first. Every message in it counts as asked until `answered`."""
        asks = list(self._endings(now, flush=flush))
        if now >= self._next_scan and self._held:
            self._lag = now - self._next_scan
            self._next_scan = now + self._interval
            asks += self._extensions(now)
        for ask in asks:
            for lease in ask.leases:
                lease.asked = True
        self.unasked = sum(not lease.asked for lease in self._ended)
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
            if lease.receipt != ask.receipts[index]:
                continue  # SQS has shown it to us again meanwhile; the question is to be asked anew
            if index not in failed:
                outcome.done.append(lease)
                self._succeeded(lease, ask.purpose, sent, ask.seconds[index])
            elif ask.purpose is Purpose.EXTEND:
                lease.lost |= not failed[index]
                self._hasten(now)  # it is urgent by now
            elif failed[index] and now - lease.ended < GIVE_UP_SECONDS:
                lease.failures += 1
                lease.not_before = now + pause_seconds(_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS, lease.failures, 0)
            else:
                outcome.stranded.append(lease)
                self._drop(lease)
        return outcome

    def _succeeded(self, lease: Lease, purpose: Purpose, sent: float, seconds: int) -> None:
        if purpose is not Purpose.EXTEND:
            self._drop(lease)
            return
        lease.expires = sent + seconds
        if seconds >= min(lease.wanted, _seconds_left(lease, sent)):
            lease.wanted = 0
        else:
            self._hasten(sent)

    def _hasten(self, now: float) -> None:
        self._next_scan = min(self._next_scan, now + self._interval / 4)

    def _drop(self, lease: Lease) -> None:
        if self._held.get(lease.message.id) is lease:
            del self._held[lease.message.id]
        if lease.ending is not None:
            self._ended.remove(lease)

    def _endings(self, now: float, *, flush: bool) -> Iterator[Ask]:
        ready = [lease for lease in self._ended if not lease.asked and lease.not_before <= now]
        deletes: list[Lease] = []
        releases: list[tuple[Lease, int]] = []
        for lease in ready:
            if lease.ending and lease.ending.visible_after is not None:
                releases.append((lease, min(lease.ending.visible_after, max(0, _seconds_left(lease, now)))))
            else:
                deletes.append(lease)
        if not flush and deletes and now - deletes[0].ended < LINGER_SECONDS:
            del deletes[len(deletes) - len(deletes) % BATCH :]
        yield from _batches(Purpose.DELETE, ((lease, 0) for lease in deletes))
        yield from _batches(Purpose.RELEASE, releases)

    def _extensions(self, now: float) -> Iterator[Ask]:
        entries = []
        for lease in self._held.values():
            if self._needs_time(lease, now):
                left = _seconds_left(lease, now)
                if left > 0:
                    entries.append((lease, min(max(self._visibility, lease.wanted), left)))
                else:
                    lease.lost = True
                    self._outlived.append(lease)
        return _batches(Purpose.EXTEND, entries)

    def _needs_time(self, lease: Lease, now: float) -> bool:
        if lease.asked or lease.lost or (lease.ending is not None and lease.not_before <= now):
            return False
        if lease.wanted:
            return True
        # Once it is hidden up to the limit of SQS there is nothing more to ask for, but the end of it to be noted.
        limited = lease.expires + 1 >= lease.since + MAX_VISIBILITY_SECONDS
        return lease.expires <= now if limited else lease.expires - now <= self._visibility / 2


def _seconds_left(lease: Lease, now: float) -> int:
    """How long SQS will hide the message at most."""
    return int(lease.since + MAX_VISIBILITY_SECONDS - now)


def _batches(purpose: Purpose, entries: Iterable[tuple[Lease, int]]) -> Iterator[Ask]:
    rest = list(entries)
    for start in range(0, len(rest), BATCH):
        leases, seconds = zip(*rest[start : start + BATCH], strict=True)
        yield Ask(purpose, leases, seconds, tuple(lease.receipt for lease in leases))
