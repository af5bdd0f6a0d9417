"""What a handler gets by the types of its parameters: the body, the message, or both; and which are refused."""

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, Protocol, TypeVar

import pytest

from queueworker import Message, Reject
from queueworker.errors import UsageError
from queueworker.handlers.fitting import fit
from queueworker.handlers.handler import BatchHandler, is_coroutine_function
from tests.unit.worker import annotated_handlers

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Order:
    id: int


class HasBody(Protocol):
    body: str


class Object:
    def __call__(self, order: Order) -> object:
        return order

    def method(self, order: Order, /) -> object:
        return order


class AsyncObject:
    async def __call__(self, order: Order) -> object:
        return order


def passing_on(function: Function) -> Function:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return call  # type: ignore[return-value]  # it is called alike


def reading(function: Callable[..., Any]) -> Callable[..., Any]:
    """As projects have it that read bodies themselves."""

    @functools.wraps(function)
    def call(message):  # type: ignore[no-untyped-def]
        return function(Order(int(message.body)))

    return call


def unannotated(message):  # type: ignore[no-untyped-def]
    return message


def whole(message: Message) -> object:
    return message


def typed(order: Order) -> object:
    return order


async def typed_async(order: Order) -> object:
    return order


def both(order: Order, message: Message) -> object:
    return order, message


def both_reversed(message: Message, order: Order) -> object:
    return order, message


def both_by_name(*, order: Order, message: Message) -> object:
    return order, message


def behind_a_default(order: Order, retries: int = 3, message: Message | None = None) -> object:
    assert retries == 3
    return order, message


def configured(name: str, order: Order, *, more: str) -> object:
    assert (name, more) == ("x", "y")
    return order


MESSAGE = Message("id", '{"id": 7}', "handle")
TYPED: dict[str, tuple[Callable[..., Any], object]] = {
    "a function": (typed, Order(7)),
    "an object": (Object(), Order(7)),
    "a method": (Object().method, Order(7)),
    "a function with arguments": (functools.partial(configured, "x", more="y"), Order(7)),
    "a function behind a decorator that passes on everything": (passing_on(typed), Order(7)),
    "body and message": (both, (Order(7), MESSAGE)),
    "message and body": (both_reversed, (Order(7), MESSAGE)),
    "both by name": (both_by_name, (Order(7), MESSAGE)),
    "a message behind a default": (behind_a_default, (Order(7), MESSAGE)),
    "both behind a decorator": (passing_on(both), (Order(7), MESSAGE)),
}


@pytest.mark.parametrize(("handler", "expected"), TYPED.values(), ids=TYPED)
def test_a_handler_gets_what_its_parameters_ask_for(handler: Callable[..., Any], expected: object) -> None:
    assert fit(handler)(MESSAGE) == expected


@pytest.mark.parametrize("handler", [typed_async, AsyncObject(), functools.partial(typed_async)])
def test_a_coroutine_function_stays_one(handler: Callable[..., Any]) -> None:
    fitted = fit(handler)
    assert is_coroutine_function(fitted)
    assert asyncio.run(fitted(MESSAGE)) == Order(7)


def takes_anything(message: Any) -> None: ...
def takes_object(message: object) -> None: ...
def takes_protocol(message: HasBody) -> None: ...
def takes_marked(message: Annotated[Message, "of orders"]) -> None: ...
def takes_message_or_none(message: Message | None = None, retries: int = 3) -> None: ...
def takes_whatever_comes(*arguments: Any) -> None: ...


UNTOUCHED = {
    each.__name__: each
    for each in (
        *(unannotated, whole, takes_anything, takes_object, takes_protocol, takes_marked, takes_message_or_none),
        *(takes_whatever_comes, passing_on(whole), reading(typed)),
        *(annotated_handlers.take_message, annotated_handlers.take_message_of_module),
    )
}


@pytest.mark.parametrize("handler", UNTOUCHED.values(), ids=UNTOUCHED)
def test_a_handler_that_takes_messages_is_left_as_it_is(handler: Callable[..., Any]) -> None:
    assert fit(handler) is handler


def takes_batch(messages: list[Message], limit: int = 3) -> None: ...
def takes_sequence(messages: Sequence[Message]) -> None: ...


@pytest.mark.parametrize("handler", [takes_batch, takes_sequence, annotated_handlers.take_batch])
def test_a_handler_that_takes_a_list_of_messages_is_one_of_batches(handler: Callable[..., Any]) -> None:
    assert fit(handler) == BatchHandler(handler)


def test_annotations_may_be_strings() -> None:
    order = fit(annotated_handlers.take_order)(Message("id", '{"id": 7, "parts": [{"name": "a"}]}', "handle"))
    assert order == annotated_handlers.Order(7, [annotated_handlers.Part("a")])
    take_address = fit(annotated_handlers.take_address)
    assert take_address(Message("id", '{"city": "Ulm"}', "handle")) == {"city": "Ulm"}
    assert take_address(Message("id", "null", "handle")) is None


def test_a_body_that_does_not_fit_is_rejected_before_the_handler_is_called() -> None:
    with pytest.raises(Reject, match="the body does not fit Order: id: missing"):
        fit(typed)(Message("id", "{}", "handle"))


def takes_nothing() -> None: ...
def takes_named_alone(**named: Any) -> None: ...
def takes_event_and_context(event, context): ...  # type: ignore[no-untyped-def]
def takes_two_bodies(order: Order, text: str) -> None: ...
def takes_batch_and_more(messages: list[Message], text: str) -> None: ...
def takes_a_class(queue: asyncio.Queue[int]) -> None: ...
def takes_a_sentence(message: "the message") -> None: ...  # type: ignore[valid-type]  # noqa: F722 -- as in old code


class Unread:
    """As Python 3.14 has a function whose annotation nobody has read yet."""

    @property
    def __signature__(self) -> NoReturn:
        raise NameError("name 'Decimal' is not defined")

    def __call__(self, amount: object) -> None: ...


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "nothing": (takes_nothing, "it takes nothing: give it a parameter for the message"),
    "names alone": (takes_named_alone, "it takes nothing: give it a parameter for the message"),
    "two messages": (takes_event_and_context, "it takes event, context: give all but one for the body"),
    "two bodies": (takes_two_bodies, "it takes order, text: give all but one for the body"),
    "a batch and more": (takes_batch_and_more, "it takes messages, text: list[Message] must be its first parameter"),
    "a class": (takes_a_class, "its parameter queue is annotated asyncio.queues.Queue[int], but no body can become"),
    "a type for type checkers alone": (
        annotated_handlers.take_unknown,
        "its parameter amount is annotated 'Decimal', which means no type when the worker runs (name 'Decimal' is not",
    ),
    "a type that is read now": (Unread(), "it has an annotation that means nothing (name 'Decimal' is not defined)"),
    "no type": (takes_a_sentence, "its parameter message is annotated 'the message', which means no type"),
}


@pytest.mark.parametrize(("handler", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_handler_that_asks_for_what_no_message_has_is_refused(handler: Callable[..., Any], expected: str) -> None:
    with pytest.raises(UsageError) as raised:
        fit(handler)
    assert expected in str(raised.value)


def test_a_function_that_does_not_say_what_it_takes_is_left_as_it_is() -> None:
    function: Callable[..., Any] = dict.update
    assert fit(function) is function
