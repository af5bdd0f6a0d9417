"""Reads the message counts of queues, in the places of `bulkhead`.

Requests are sent and answered on the event loop. What blocks, credentials above all, is rarely needed, and runs in a
thread. The scheduler calls `read` for each distinct queue. A pool's URL names account and queue, and perhaps the
region; its host never decides where a request goes (see `clients`). It decides nothing and keeps no reading.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Final, NamedTuple

from queueaddress import AddressError, is_at_aws
from queueworkerpool.errors import QueueAddressInvalidError, QueueAnswerInvalidError, QueueUnreachableError
from queueworkerpool.health import Jobs
from queueworkerpool.model import Endpoints, QueueReading, QueueRef
from queueworkerpool.queues.sqs.bulkhead import Bulkhead
from queueworkerpool.queues.sqs.clients import Clients, Signed
from queueworkerpool.queues.sqs.failures import CHECK_ENDPOINT, error_for
from sqsrequest import content_of

READING_DEADLINE_SECONDS = 60.0
"""The limit for a whole reading, including the wait for a place: the time-outs of a request restart with each byte."""

_VISIBLE: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_DELAYED: Final = "ApproximateNumberOfMessagesDelayed"
_ATTRIBUTES: Final = (_VISIBLE, _IN_FLIGHT, _DELAYED)

_NOT_LISTED: Final = (
    "its host is not AWS's, and the operator knows no endpoint for it, so nothing was sent: "
    "correct the URL, or list the host in the operator's QWP_SQS_ENDPOINTS"
)
_NO_ENDPOINTS: Final = Endpoints()

MOST_PLACES: Final = 20_000
"""Queues of which is kept what their URLs say, which does not change: to read it anew costs as much as a decision."""


class _Place(NamedTuple):
    """Where a queue is.

    Args:
        region: The one that is asked; None: that of AWS's own settings.
        endpoint: That of a listed server; None: the operator's own.
        may_be_at_aws: Whether it is listed, or its host is AWS's. A request for any other must not go to AWS.
        content: That of a request for its counts.
    """

    region: str | None
    endpoint: str | None
    may_be_at_aws: bool
    content: bytes


_COUNT = re.compile(r"[0-9]{1,12}")


class SqsQueues:
    """A reader of queues in any region. Close it to end its threads and connections."""

    def __init__(
        self,
        default_region: str | None,
        workers: int,
        clock: Callable[[], datetime],
        endpoints: Endpoints = _NO_ENDPOINTS,
    ) -> None:
        """Create a reader; sends nothing.

        Args:
            default_region: The region of queues that name none; None takes AWS's own setting.
            workers: Quick reads that may run at the same time.
            clock: The time of a reading, with its zone.
            endpoints: Where queues of other servers are read; not used when AWS's own settings name one endpoint.
        """
        self._default_region = default_region
        self._clock = clock
        self._bulkhead = Bulkhead(workers)
        self._clients = Clients(default_region)
        self.endpoints = _NO_ENDPOINTS if endpoints.by_host and self._clients.has_one_endpoint else endpoints
        self.jobs = Jobs()
        self._place = lru_cache(MOST_PLACES)(self._located)

    @property
    def default_region(self) -> str | None:
        """The region of queues that name none; None when neither setting names one."""
        return self._default_region or self._clients.default_region

    async def close(self) -> None:
        """End the threads and connections; what blocks ends by its time-outs."""
        self._bulkhead.close()
        await self._clients.close()

    async def read(self, queue: QueueRef) -> QueueReading:
        """Return the counts of one queue. Raises the kind of QueueUnreadableError that says what is wrong."""
        try:
            async with asyncio.timeout(READING_DEADLINE_SECONDS):
                return await self._bulkhead.hold(queue, partial(self._ask, queue))
        except TimeoutError as error:
            problem = f"queue {queue.name}: no whole answer in {READING_DEADLINE_SECONDS:.0f} s: {CHECK_ENDPOINT}"
            raise QueueUnreachableError(problem) from error

    async def _ask(self, queue: QueueRef) -> QueueReading:
        time = self._clock()
        try:
            place = self._place(queue)
            signed, content = self._prepared(queue, place), place.content
            if signed is None:
                signed = await self._bulkhead.in_thread(partial(self._prepare, queue))
            answer = await self._clients.send(signed, "GetQueueAttributes", content)
        except QueueAddressInvalidError:
            raise
        except Exception as error:  # providers of credentials raise anything
            raise error_for(queue, error, time) from error
        return _reading(queue.name, answer.content, time)

    def _prepared(self, queue: QueueRef, place: "_Place") -> Signed | None:
        """Return what a request needs if that takes no wait and may be sent, else None: `_prepare` says why not."""
        signed = self._clients.prepared(place.region, queue.role, place.endpoint)
        return signed if signed and (place.may_be_at_aws or not signed.target.at_aws) else None

    def _located(self, queue: QueueRef) -> "_Place":
        endpoint = self.endpoints.endpoint_of(queue.url)
        content = content_of({"QueueUrl": queue.url, "AttributeNames": _ATTRIBUTES})
        return _Place(self._home(queue), endpoint, endpoint is not None or is_at_aws(queue.url), content)

    def _prepare(self, queue: QueueRef) -> Signed:
        """Return what a request needs, as soon as it is there."""
        with self.jobs.job():
            region = self._home(queue)
            return self._clients.prepare(region, queue.role, self._endpoint(queue, region))

    def _home(self, queue: QueueRef) -> str | None:
        try:
            return queue.home(self._default_region)
        except AddressError as error:
            raise QueueAddressInvalidError(f"{queue.label}: {error}") from error

    def _endpoint(self, queue: QueueRef, region: str | None) -> str | None:
        """Return the endpoint of a listed server, None for the operator's own. Raises QueueAddressInvalidError."""
        endpoint = self.endpoints.endpoint_of(queue.url)
        if endpoint is None and not is_at_aws(queue.url) and self._clients.is_aws_asked(region):
            raise QueueAddressInvalidError(f"{queue.label}: {_NOT_LISTED}")
        return endpoint


def _reading(name: str, answer: object, time: datetime) -> QueueReading:
    attributes = answer.get("Attributes") if isinstance(answer, Mapping) else None
    if not isinstance(attributes, Mapping):
        raise QueueAnswerInvalidError(f"queue {name}: the answer holds no attributes: {CHECK_ENDPOINT}")
    return QueueReading(
        _count(name, attributes, _VISIBLE),
        _count(name, attributes, _IN_FLIGHT),
        _count(name, attributes, _DELAYED),
        time,
    )


def _count(name: str, attributes: Mapping[str, object], attribute: str) -> int:
    value = attributes.get(attribute)
    # Not int() alone: it accepts '-1', '1_0' and digits of other scripts. The answer itself is never repeated.
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        raise QueueAnswerInvalidError(f"queue {name}: {attribute} is missing or not a count: {CHECK_ENDPOINT}")
    return int(value)
