"""How each message of a batch fared, by what its handler returned or raised. Pure, but for what is awaited.

`threads`, `coroutines` and `child` ask. A handler of a batch raises PartialFailure, or returns what AWS Lambda takes:
{"batchItemFailures": [{"itemIdentifier": ID}]}.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from queueworker.handlers.returned import awaited, refuse
from queueworker.model import Message, PartialFailure, ReportedError

FAILURES_KEY: Final = "batchItemFailures"
ID_KEY: Final = "itemIdentifier"


class BatchItemFailedError(ReportedError):
    """The handler has returned the message among those that failed."""


class UnknownMessageError(ReportedError):
    """The handler names a message that is not in its batch, so nobody knows which have failed."""


def finish_batch(returned: object, messages: Sequence[Message]) -> None:
    """Wait for what a handler returned for these messages, on an event loop of its own if need be.

    Raises:
        PartialFailure: some messages have failed.
        UnknownMessageError: it names a message that is none of these.
        HandlerReturnedError: it is nothing that a handler of a batch returns.
        BaseException: whatever it raises.
    """
    if inspect.isawaitable(returned):
        import asyncio  # noqa: PLC0415 -- as in `coroutines`: most workers need not load it

        returned = asyncio.run(awaited(returned))
    _judge(returned, messages)


async def finish_batch_async(returned: object, messages: Sequence[Message]) -> None:
    """Wait for what a handler returned, on the running event loop. Raises what `finish_batch` does."""
    _judge(await awaited(returned), messages)


def failures_of(messages: Sequence[Message], error: BaseException | None) -> Sequence[BaseException | None]:
    """Return the failure of each message, or None, by what the handler raised for all of them."""
    failures = getattr(error, "failures", None) if isinstance(error, PartialFailure) else None
    if failures is None:  # also of a subclass that has forgotten them
        return [error] * len(messages)
    if unknown := failures.keys() - set(messages):
        failure = UnknownMessageError(_unknown("PartialFailure", *(each.id for each in unknown)))
        return [failure] * len(messages)
    return [failures.get(message) for message in messages]


class OpenedBatch:
    """A batch whose messages were in envelopes: each fails, or not, as what was in it."""

    def __init__(self) -> None:
        self.inner: list[Message] = []
        """What is to be handled."""
        self._outer: list[Message] = []
        self._failures: dict[Message, BaseException] = {}

    def open(self, messages: Sequence[Message], opener: Callable[[Message], Message | None]) -> None:
        """Open each message; what cannot be opened has failed, and what has nothing in it is done."""
        for message in messages:
            try:
                inner = opener(message)
            except Exception as error:
                self._failures[message] = error
            else:
                if inner is not None:
                    self.inner.append(inner)
                    self._outer.append(message)

    def fail(self, error: BaseException) -> None:
        """Take what the handler raised for all."""
        for message, failure in zip(self._outer, failures_of(self.inner, error), strict=True):
            if failure is not None:
                self._failures[message] = failure

    def raise_failures(self) -> None:
        """Raise PartialFailure if any message has failed."""
        if self._failures:
            raise PartialFailure(self._failures)


def _judge(returned: Any, messages: Sequence[Message]) -> None:
    if not isinstance(returned, Mapping) or returned.keys() != {FAILURES_KEY}:
        refuse(returned)
        return
    by_id = {message.id: message for message in messages}
    failed = [_id_of(each) for each in returned[FAILURES_KEY] or ()]
    if unknown := [each for each in failed if each not in by_id]:
        raise UnknownMessageError(_unknown(FAILURES_KEY, *map(repr, unknown)))
    if failed:
        raise PartialFailure({by_id[each]: BatchItemFailedError(f"it is among the {FAILURES_KEY}") for each in failed})


def _id_of(item: Any) -> Any:
    return item.get(ID_KEY) if isinstance(item, Mapping) else item


def _unknown(where: str, *ids: str) -> str:
    return f"{where} names a message that is not in the batch, so all of it has failed: {', '.join(ids)}"
