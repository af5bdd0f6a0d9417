"""How each message of a batch fares, by what its handler raises or returns."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.markdown import marked
from queueworker import Message, PartialFailure, Reject, Retry
from queueworker.handlers.batches import OpenedBatch, failures_of, finish_batch, finish_batch_async
from queueworker.handlers.fitting import fit
from queueworker.handlers.handler import BatchHandler

ROOT = Path(__file__).parents[3]
MESSAGES = [Message(f"m{number}", "", f"r{number}", attributes={"a": "b"}) for number in range(3)]
M0, M1, M2 = MESSAGES
BROKEN, RETRY, REJECT = ValueError("broken"), Retry(60), Reject("no such customer")


def fared(returns: Callable[[], Any]) -> Sequence[BaseException | None]:
    """Return each message's failure after a handler that returns or raises this."""
    try:
        finish_batch(returns(), MESSAGES)
    except BaseException as error:
        return failures_of(MESSAGES, error)
    return failures_of(MESSAGES, None)


def raising(error: BaseException) -> Callable[[], Any]:
    def call() -> None:
        raise error

    return call


def lambda_answer(*ids: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}


FATES: dict[str, tuple[Callable[[], Any], list[BaseException | None]]] = {
    "nothing returned": (lambda: None, [None, None, None]),
    "any exception is that of all": (raising(BROKEN), [BROKEN, BROKEN, BROKEN]),
    "so are Retry and Reject": (raising(RETRY), [RETRY, RETRY, RETRY]),
    "each has its own": (raising(PartialFailure({M2: RETRY, M0: REJECT})), [REJECT, None, RETRY]),
    "equal messages are the same": (
        raising(PartialFailure({Message("m1", "", "r1", attributes={"a": "b"}): BROKEN})),
        [None, BROKEN, None],
    ),
    "nobody has failed": (raising(PartialFailure({})), [None, None, None]),
    "Lambda's answer without failures": (lambda_answer, [None, None, None]),
    "Lambda's answer with null": (lambda: {"batchItemFailures": None}, [None, None, None]),
}


@pytest.mark.parametrize(("returns", "expected"), FATES.values(), ids=FATES)
def test_a_message_fails_by_its_own_exception(returns: Callable[[], Any], expected: list[BaseException | None]) -> None:
    assert fared(returns) == expected


def test_the_answer_of_lambda_names_those_that_failed() -> None:
    first, second, third = fared(lambda: lambda_answer("m1"))
    assert (first, third) == (None, None)
    assert str(second) == "it is among the batchItemFailures"


NOT_IN_THE_BATCH: dict[str, tuple[Callable[[], Any], str]] = {
    "an exception for another message": (
        raising(PartialFailure({M0: BROKEN, Message("other", "", "r"): BROKEN})),
        "PartialFailure names a message that is not in the batch, so all of it has failed: other",
    ),
    "ids in the place of messages": (
        lambda: PartialFailure({"m1": BROKEN}),  # type: ignore[dict-item]  # on purpose
        "PartialFailure takes a Message for each exception, not str",
    ),
    "another id": (lambda: lambda_answer("m1", "other"), "batchItemFailures names a message .*: 'other'"),
    "an empty id": (lambda: lambda_answer(""), "batchItemFailures names a message .*: ''"),
    "no id": (lambda: {"batchItemFailures": [{"id": "m1"}]}, "batchItemFailures names a message .*: None"),
    "an id alone that is none": (
        lambda: {"batchItemFailures": ["other"]},
        "batchItemFailures names a message .*: 'other'",
    ),
    "a list": (lambda: ["m1"], "the handler returned an object of type list"),
    "another object": (lambda: {"failures": []}, "the handler returned an object of type dict"),
    "more than the answer": (lambda: {**lambda_answer(), "more": 1}, "the handler returned an object of type dict"),
    "true": (lambda: True, "the handler returned an object of type bool"),
}


@pytest.mark.parametrize(("returns", "expected"), NOT_IN_THE_BATCH.values(), ids=NOT_IN_THE_BATCH)
def test_what_cannot_be_understood_fails_all(returns: Callable[[], Any], expected: str) -> None:
    for failure in fared(returns):
        with pytest.raises(Exception, match=expected):
            raise failure or AssertionError("it has not failed")


async def test_what_can_be_awaited_is_awaited_first() -> None:
    async def answer() -> Any:
        return lambda_answer("m0")

    with pytest.raises(PartialFailure) as raised:
        await finish_batch_async(answer(), MESSAGES)
    assert list(raised.value.failures) == [M0]


def test_a_coroutine_of_a_plain_function_is_awaited() -> None:
    async def answer() -> Any:
        return lambda_answer("m0")

    with pytest.raises(PartialFailure):
        finish_batch(answer(), MESSAGES)


def test_a_failure_needs_an_exception() -> None:
    with pytest.raises(TypeError, match="PartialFailure takes an exception for each message, not str"):
        PartialFailure({M0: "broken"})  # type: ignore[dict-item]  # on purpose


def test_the_handler_of_the_page_rejects_what_is_no_json() -> None:
    (block,) = marked((ROOT / "docs" / "handlers.md").read_text(), "test: batches")
    inserted: list[Any] = []
    names: dict[str, Any] = {"insert": inserted.extend}
    exec(block.text, names)  # noqa: S102 -- the page's own code
    messages = [replace(M0, body="1"), replace(M1, body="no"), replace(M2, body="3")]
    assert isinstance(fit(names["handle"]), BatchHandler)
    with pytest.raises(PartialFailure) as raised:
        names["handle"](messages)
    assert inserted == [1, 3]
    assert [(message.id, str(error)) for message, error in raised.value.failures.items()] == [
        ("m1", "its body is no JSON")
    ]


def test_each_message_fails_as_what_was_in_its_envelope() -> None:
    messages = [replace(M0, body="good"), replace(M1, body="unfit"), replace(M2, body="nothing")]
    messages += [replace(M0, id="m3", body="bad")]
    unfit = Reject("no notification")

    def open_envelope(message: Message) -> Message | None:
        if message.body == "unfit":
            raise unfit
        return None if message.body == "nothing" else replace(message, body=message.body.upper())

    batch = OpenedBatch()
    batch.open(messages, open_envelope)
    assert [message.body for message in batch.inner] == ["GOOD", "BAD"]
    batch.fail(PartialFailure({batch.inner[1]: BROKEN}))
    with pytest.raises(PartialFailure) as raised:
        batch.raise_failures()
    assert failures_of(messages, raised.value) == [None, unfit, None, BROKEN]


def test_a_batch_whose_messages_were_all_opened_and_handled_has_no_failure() -> None:
    batch = OpenedBatch()
    batch.open(MESSAGES, lambda message: message)
    batch.raise_failures()
