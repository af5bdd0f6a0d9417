"""The only adapter to pydantic, for handlers that take its models. `readers` loads it where a type is one of them.

The user's module has imported pydantic by then; nothing else of the worker does.
"""

from collections.abc import Callable
from typing import Any

from pydantic import PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from queueworker.bodies.failures import Misfit, UnservableTypeError


def parser_for(annotation: Any) -> Callable[[str], Any]:
    """Return what makes a value of the type from JSON, by pydantic's own rules; it raises Misfit.

    Raises:
        UnservableTypeError: pydantic does not know a part of the type.
    """
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise UnservableTypeError(f"it, as pydantic says: {error.message.partition(chr(10))[0]}") from error

    def parse(body: str) -> Any:
        try:
            return adapter.validate_json(body)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise _misfit(found[0], others=len(found) - 1) from None

    return parse


def _misfit(error: ErrorDetails, *, others: int) -> Misfit:
    more = f" (and {others} more)" if others else ""
    misfit = Misfit(error["msg"] + more)
    for step in reversed(error["loc"]):
        misfit.inside(f"[{step}]" if isinstance(step, int) else step)
    return misfit
