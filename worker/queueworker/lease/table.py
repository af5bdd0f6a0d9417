"""Records the messages that this worker has received, and decides what to request from SQS about them next. Pure.

The rule that keeps work safe: at most one request about a message is under way. So an extension never races with a
delete, and a message that is settled during an extension is deleted after the answer. `LeaseManager` sends what
`due_requests` returns and reports back through `record_answer`.
"""

from collections.abc import Iterator, Mapping

from queueworker.backoff import request_delay_seconds
from queueworker.lease.records import BATCH_SIZE, Action, BatchRequest, Lease, RequestOutcome, batches
from queueworker.model import MAX_VISIBILITY_SECONDS, RELEASE, Disposition, Message

BATCH_LINGER_SECONDS = 0.05
"""How long a settled message waits for others to fill a batch."""

MAX_CHECK_INTERVAL_SECONDS = 1.0
"""How often to check for messages that expire soon; more often where the visibility timeout is short."""

GIVE_UP_AFTER_SECONDS = 300.0
"""How long to try to delete or release a message; then it is left to its visibility timeout."""

_RETRY_BACKOFF_BASE_SECONDS, _RETRY_BACKOFF_LIMIT_SECONDS = 0.2, 15.0
_LEAST_LEFT = 0.25  # of the visibility timeout
_TRIES_BEFORE_EXPIRY = 4  # each takes a quarter of what is left then


class LeaseTable:
    """Every message from its receive until it is deleted or released.

    Not safe to share between threads without a lock.
    """

    def __init__(self, visibility_seconds: int) -> None:
        """Take the seconds for which an extension hides a message."""
        self._visibility_seconds = visibility_seconds
        self._check_interval = min(MAX_CHECK_INTERVAL_SECONDS, visibility_seconds / 6)
        self._leases: dict[str, Lease] = {}  # by message id, in the order of receive
        self._settled: list[Lease] = []  # those of _leases that wait to be deleted or released
        self._at_limit: list[Lease] = []
        self.unrequested = 0
        """Settled messages without a pending request, as of the last `due_requests` and what was settled since."""
        self._next_check_at = 0.0
        self._lag = 0.0

    def __len__(self) -> int:
        return len(self._leases)

    @property
    def unsettled(self) -> int:
        """The number of messages that are worked on, or wait for that."""
        return sum(lease.disposition is None for lease in self._leases.values())

    @property
    def groups(self) -> int:
        """The number of message groups in hand."""
        return len({lease.message.group for lease in self._leases.values() if lease.message.group is not None})

    def is_behind(self, now: float) -> bool:
        """Return whether a message that is worked on has less than a quarter of its time left.

        It is extended when half is gone, so extensions take too long, or fail.
        """
        least = now + self._visibility_seconds * _LEAST_LEFT
        return any(
            max(lease.expires_at, lease.latest_expiry_at) < least
            for lease in self._leases.values()
            if lease.disposition is None and not lease.lost and not _is_at_limit(lease)
        )

    def add(self, message: Message, *, hidden_since: float, now: float) -> Lease | None:
        """Add a message that SQS hid some time between the request (`hidden_since`) and its answer (`now`).

        Returns None when it is in the table already, and shown again because its extension or delete has failed:
        the existing lease continues.
        """
        if not self._leases:
            self._next_check_at = now + self._check_interval
        existing = self._leases.get(message.id)
        if existing is not None and (existing.disposition is None or existing.disposition.deletes):
            existing.hidden_since, existing.expires_at = hidden_since, hidden_since + self._visibility_seconds
            existing.receipt_handle = message.receipt_handle
            existing.lost, existing.not_before = False, now
            return None
        if existing is not None and not existing.request_pending:
            self._remove(existing)  # it was to be shown again, and was
        lease = Lease(
            message=message,
            hidden_since=hidden_since,
            expires_at=hidden_since + self._visibility_seconds,
            latest_expiry_at=now + self._visibility_seconds,
            receipt_handle=message.receipt_handle,
        )
        self._leases[message.id] = lease
        return lease

    def settle(self, lease: Lease, disposition: Disposition, now: float) -> bool:
        """Record how the work on a message ended; return False, and change nothing, when it is settled already."""
        if first := lease.disposition is None:
            lease.disposition, lease.settled_at = disposition, now
            lease.not_before, lease.failures = now, 0  # failed extensions do not delay it
            self._settled.append(lease)
            self.unrequested += 1
        return first

    def request_extension(self, lease: Lease, seconds: int, now: float) -> None:
        """Extend a message as soon as possible, whatever is left of its time."""
        lease.requested_seconds = max(lease.requested_seconds, seconds)
        if lease.disposition is None:
            lease.not_before = now
        self._next_check_at = now

    def discard(self, lease: Lease) -> None:
        """Request nothing more about a message, unless it is settled: another worker may have received it."""
        if lease.disposition is None:
            self._remove(lease)

    def pop_at_limit(self) -> list[Lease]:
        """Return the leases that reached SQS's limit of 12 hours since the last call."""
        at_limit, self._at_limit = self._at_limit, []
        return at_limit

    def lag(self, now: float) -> float:
        """Return the seconds by which the last check for messages to extend was late, or the next one is by now."""
        return max(self._lag, now - self._next_check_at) if self._leases else 0.0

    def release_all(self, now: float) -> list[Lease]:
        """Release everything that is not settled; return it."""
        return [lease for lease in self._leases.values() if self.settle(lease, RELEASE, now)]

    def due_requests(self, now: float, *, flush: bool) -> list[BatchRequest]:
        """Return what to send now; `flush` does not wait for full batches.

        Every message in a request counts as pending until `record_answer`.
        """
        requests = list(self._settlements(now, flush=flush))
        if now >= self._next_check_at and self._leases:
            self._lag = now - self._next_check_at
            # Not later than a retry that is due before: this check may be about another message.
            self._next_check_at = min([now + self._check_interval, *self._later_retries(now)])
            requests += self._extensions(now)
        for request in requests:
            for lease in request.leases:
                lease.request_pending = True
        self.unrequested = sum(not lease.request_pending for lease in self._settled)
        return requests

    def seconds_until_due(self, now: float, *, flush: bool) -> float | None:
        """Return the seconds until `due_requests` may return something; None: not before something else happens."""
        linger = 0.0 if flush else BATCH_LINGER_SECONDS
        times = [
            max(lease.not_before, lease.settled_at + linger) for lease in self._settled if not lease.request_pending
        ]
        if self._leases:
            times.append(self._next_check_at)
        return max(0.0, min(times) - now) if times else None

    def record_answer(
        self, request: BatchRequest, retryable: Mapping[int, bool], *, sent_at: float, now: float
    ) -> RequestOutcome:
        """Record SQS's answer to a request.

        Args:
            request: what was sent.
            retryable: for the position of each failed message, whether another try may help.
            sent_at: when the request was sent.
            now: when the answer arrived.
        """
        outcome = RequestOutcome(confirmed=[], stranded=[])
        for index, lease in enumerate(request.leases):
            lease.request_pending = False
            if lease.receipt_handle != request.receipt_handles[index]:
                continue  # SQS has shown it to us again meanwhile; the request is to be sent anew
            if index not in retryable:
                outcome.confirmed.append(lease)
                self._record_success(lease, request.action, sent_at, request.visibility_seconds[index])
            elif request.action is Action.EXTEND:
                lease.lost |= not retryable[index]
                self._retry_extension(lease, now)
            elif self._leases.get(lease.message.id) is not lease:
                # SQS has shown it to us again, so it has done what was requested, or need not any more. Repeated, the
                # request would show others what is being handled here.
                outcome.confirmed.append(lease)
                self._remove(lease)
            elif retryable[index] and now - lease.settled_at < GIVE_UP_AFTER_SECONDS:
                lease.failures += 1
                lease.not_before = now + request_delay_seconds(
                    _RETRY_BACKOFF_BASE_SECONDS, _RETRY_BACKOFF_LIMIT_SECONDS, lease.failures, 0
                )
            else:
                outcome.stranded.append(lease)
                self._remove(lease)
        return outcome

    def _record_success(self, lease: Lease, action: Action, sent_at: float, seconds: int) -> None:
        if action is not Action.EXTEND:
            self._remove(lease)
            return
        lease.expires_at = sent_at + seconds
        if lease.disposition is None:  # else they are failures of its delete or release
            lease.failures = 0
        if seconds >= min(lease.requested_seconds, _max_extension_seconds(lease, sent_at)):
            lease.requested_seconds = 0
        else:
            self._check_soon(sent_at)

    def _retry_extension(self, lease: Lease, now: float) -> None:
        """Try again later and later, but several times before the message expires, at the earliest and at the latest.

        SQS may have done what was requested, and only the answer was lost. So the next try is never later than after
        half of the visibility timeout, when an extension that was confirmed would be repeated.
        """
        if lease.disposition is not None:  # `not_before` is about its delete or release
            self._check_soon(now)
            return
        lease.failures += 1
        delay = request_delay_seconds(_RETRY_BACKOFF_BASE_SECONDS, _RETRY_BACKOFF_LIMIT_SECONDS, lease.failures, 0)
        delay = min(delay, self._visibility_seconds / 2)
        for expiry in (lease.expires_at, lease.latest_expiry_at):
            if (left := expiry - now) > 0:
                delay = min(delay, max(left / _TRIES_BEFORE_EXPIRY, self._check_interval / 4))
        lease.not_before = now + delay
        self._next_check_at = min(self._next_check_at, now + delay)

    def _check_soon(self, now: float) -> None:
        self._next_check_at = min(self._next_check_at, now + self._check_interval / 4)

    def _remove(self, lease: Lease) -> None:
        if self._leases.get(lease.message.id) is lease:
            del self._leases[lease.message.id]
        if lease.disposition is not None:
            self._settled.remove(lease)

    def _settlements(self, now: float, *, flush: bool) -> Iterator[BatchRequest]:
        ready = [lease for lease in self._settled if not lease.request_pending and lease.not_before <= now]
        deletes: list[Lease] = []
        releases: list[tuple[Lease, int]] = []
        for lease in ready:
            if lease.disposition and lease.disposition.visible_after_seconds is not None:
                longest = max(0, _max_extension_seconds(lease, now))
                releases.append((lease, min(lease.disposition.visible_after_seconds, longest)))
            else:
                deletes.append(lease)
        if not flush and deletes and now - deletes[0].settled_at < BATCH_LINGER_SECONDS:
            del deletes[len(deletes) - len(deletes) % BATCH_SIZE :]
        yield from batches(Action.DELETE, ((lease, 0) for lease in deletes))
        yield from batches(Action.RELEASE, releases)

    def _extensions(self, now: float) -> Iterator[BatchRequest]:
        entries = []
        for lease in self._leases.values():
            if self._needs_extension(lease, now):
                longest = _max_extension_seconds(lease, now)
                if longest > 0:
                    entries.append((lease, min(max(self._visibility_seconds, lease.requested_seconds), longest)))
                else:
                    lease.lost = True
                    self._at_limit.append(lease)
        return batches(Action.EXTEND, entries)

    def _later_retries(self, now: float) -> Iterator[float]:
        """Yield when extensions that failed are to be tried again, those that are due by now left out."""
        for lease in self._leases.values():
            if lease.disposition is None and not lease.lost and lease.not_before > now:
                yield lease.not_before

    def _needs_extension(self, lease: Lease, now: float) -> bool:
        if lease.request_pending or lease.lost:
            return False
        # One that is settled is deleted or released instead, as soon as that may be tried again.
        if (lease.not_before <= now) if lease.disposition is not None else (lease.not_before > now):
            return False
        if lease.requested_seconds:
            return True
        # Once it is hidden up to the limit of SQS there is nothing more to request, but its end is to be noticed.
        return (
            lease.expires_at <= now if _is_at_limit(lease) else lease.expires_at - now <= self._visibility_seconds / 2
        )


def _is_at_limit(lease: Lease) -> bool:
    return lease.expires_at + 1 >= lease.hidden_since + MAX_VISIBILITY_SECONDS


def _max_extension_seconds(lease: Lease, now: float) -> int:
    """Return the longest time for which SQS will still hide the message."""
    return int(lease.hidden_since + MAX_VISIBILITY_SECONDS - now)
