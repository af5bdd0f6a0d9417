"""Fits a handler to messages: which parameter gets the body, by the type it asks for, and which the message whole.

`loading` calls it, once. A handler that takes the message stays as it is, and costs nothing.
"""

import inspect
from collections import abc
from collections.abc import Callable, Sequence
from functools import partial, wraps
from inspect import Parameter
from types import MethodType, SimpleNamespace
from typing import Any, Final, get_args, get_origin, get_type_hints

import queueworker
from queueworker.bodies.conversion import members, name_of, unmarked
from queueworker.bodies.failures import UnservableTypeError
from queueworker.bodies.readers import reader_for
from queueworker.errors import UsageError
from queueworker.handlers.handler import BatchHandler, Handler, is_coroutine_function
from queueworker.model import Message

Argument = Callable[[Message], Any]
"""Makes an argument of a message."""

_IMPORT: Final = "import it outside of `if TYPE_CHECKING`"
_VARIADIC: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
# What an annotation may name although it is imported for type checkers alone.
_KNOWN_NAMES: Final = {"queueworker": queueworker, **{name: getattr(queueworker, name) for name in queueworker.__all__}}


def fit(handler: Callable[..., object]) -> Handler:
    """Return a handler that takes a message, and calls this one with what its parameters ask for.

    One that asks for many messages stays as it is.

    Raises:
        UsageError: it asks for what a message does not have. The text goes on after the handler's name.
    """
    try:
        signature = _signature(handler)
    except ValueError:  # a function in C that does not say what it takes
        return handler
    except NameError as error:  # Python 3.14 reads annotations only now
        raise UsageError(f"it has an annotation that means nothing ({error}): {_IMPORT}") from error
    named = [_resolved(handler, each) for each in signature.parameters.values() if each.kind not in _VARIADIC]
    if not named and any(each.kind is Parameter.VAR_POSITIONAL for each in signature.parameters.values()):
        return handler
    taken = _taken(named)
    positional = taken == named[: len(taken)] and all(each.kind in _POSITIONAL for each in taken)
    if any(is_batch(each.annotation) for each in taken):
        return _batch_handler(handler, taken, positional=positional)
    if positional and _take_message(taken):
        return handler
    return _calling(handler, _arguments(taken), by_name=not positional)


def _batch_handler(handler: Callable[..., object], taken: Sequence[Parameter], *, positional: bool) -> BatchHandler:
    if len(taken) > 1 or not positional:
        names = ", ".join(each.name for each in taken)
        raise UsageError(f"it takes {names}: list[Message] must be its first parameter, and all others have a default")
    return BatchHandler(handler)


def is_batch(annotation: Any) -> bool:
    """Return whether a parameter asks for many messages at once."""
    plain = unmarked(annotation)
    return get_origin(plain) in {list, abc.Sequence} and get_args(plain) == (Message,)


def _signature(handler: Callable[..., object]) -> inspect.Signature:
    """Return what the handler takes itself; behind a decorator that takes anything, what the function within takes."""
    own = inspect.signature(handler, follow_wrapped=False)
    takes_anything = all(each.kind in _VARIADIC for each in own.parameters.values())
    return inspect.signature(handler) if takes_anything else own


def _resolved(handler: Callable[..., object], parameter: Parameter) -> Parameter:
    """Return the parameter with the type that its annotation means, Any where it has none."""
    if parameter.annotation is Parameter.empty:
        return parameter.replace(annotation=Any)
    known = _KNOWN_NAMES | getattr(_function_of(handler), "__globals__", {})
    annotated = SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        hints = get_type_hints(annotated, globalns=known, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise UsageError(
            f"its parameter {parameter.name} is annotated {parameter.annotation!r}, which means no type when the worker"
            f" runs ({error}): {_IMPORT}"
        ) from error
    return parameter.replace(annotation=hints[parameter.name])


def _function_of(handler: Any) -> Any:
    """Return the function that is called in the end, in whose module annotations are to be understood."""
    while True:
        if isinstance(handler, partial):
            handler = handler.func
        elif isinstance(handler, MethodType):
            handler = handler.__func__
        elif hasattr(handler, "__wrapped__"):
            handler = handler.__wrapped__
        elif not inspect.isroutine(handler):
            handler = type(handler).__call__
        else:
            return handler


def _taken(named: Sequence[Parameter]) -> list[Parameter]:
    """Return the parameters that get something: the first, those without a default, and those that are a Message."""
    return [
        each
        for position, each in enumerate(named)
        if position == 0 or each.default is Parameter.empty or Message in members(each.annotation)
    ]


def _take_message(taken: Sequence[Parameter]) -> bool:
    return len(taken) == 1 and _admits_message(taken[0].annotation)


def _admits_message(annotation: Any) -> bool:
    """Return whether a message is a value of this type; a Protocol describes what is needed of one."""
    return any(each in (Any, object, Message) or getattr(each, "_is_protocol", False) for each in members(annotation))


def _arguments(taken: Sequence[Parameter]) -> dict[str, Argument]:
    names = ", ".join(each.name for each in taken)
    messages = sum(_admits_message(each.annotation) for each in taken)
    if not taken:
        raise UsageError("it takes nothing: give it a parameter for the message")
    if messages > 1 or len(taken) - messages > 1:
        raise UsageError(f"it takes {names}: give all but one for the body, and one annotated Message, a default")
    return {each.name: _argument(each) for each in taken}


def _argument(parameter: Parameter) -> Argument:
    if _admits_message(parameter.annotation):
        return lambda message: message
    try:
        read = reader_for(parameter.annotation)
    except UnservableTypeError as error:
        raise UsageError(
            f"its parameter {parameter.name} is annotated {name_of(parameter.annotation)}, but no body can become"
            f" {error}. It may be Message, str, bytes, dict, list, a dataclass, a TypedDict or a pydantic model"
        ) from error
    return lambda message: read(message.body)


def _calling(handler: Callable[..., Any], arguments: dict[str, Argument], *, by_name: bool) -> Handler:
    names, makers = tuple(arguments), tuple(arguments.values())

    def prepare(message: Message) -> tuple[Sequence[Any], dict[str, Any]]:
        values = [make(message) for make in makers]
        return ((), dict(zip(names, values, strict=True))) if by_name else (values, {})

    @wraps(handler)
    def call(message: Message) -> object:
        positional, named = prepare(message)
        return handler(*positional, **named)

    @wraps(handler)
    async def call_coroutine(message: Message) -> object:
        return await call(message)  # type: ignore[misc]  # it is a coroutine function's

    return call_coroutine if is_coroutine_function(handler) else call
