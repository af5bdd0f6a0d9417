"""How each message of a batch fared, by what its handler returned or raised. Pure, but for what is awaited.

`threads`, `coroutines` and `child` ask. A handler of a batch raises PartialFailure, or returns what AWS Lambda takes:
{"batchItemFailures": [{"itemIdentifier": ID}]}.
"""

import inspect
from collections.abc import Mapping, Sequence
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
    if not isinstance(error, PartialFailure):
        return [error] * len(messages)
    if unknown := error.failures.keys() - set(messages):
        failure = UnknownMessageError(_unknown("PartialFailure", *(each.id for each in unknown)))
        return [failure] * len(messages)
    return [error.failures.get(message) for message in messages]


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
