"""Which function makes of a body what a handler's parameter asks for. `handlers.fitting` asks, once for each handler.

The function raises UnfitBodyError for a body that does not fit, whatever the type is.
"""

from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, get_args

from queueworker.bodies.conversion import Converter, hints_of, is_typed_dict, members, name_of, unmarked
from queueworker.bodies.failures import Misfit, NotJsonError, UnfitBodyError, UnservableTypeError
from queueworker.bodies.json_text import HALF_PAIR, NESTED_TOO_DEEPLY, parse_json

Reader = Callable[[str], Any]


def reader_for(annotation: Any, *, called: str = "") -> Reader:
    """Return what reads a body as a value of this type.

    Args:
        annotation: the type, as a parameter is annotated.
        called: what sentences call it; its own name without this.

    Raises:
        UnservableTypeError: no body can become one.
    """
    wanted = [each for each in map(unmarked, members(annotation)) if each is not type(None)]
    if wanted == [str]:
        return lambda body: body
    if str in wanted:
        raise UnservableTypeError(f"{name_of(annotation)}, and a body is always a string")
    return _guarded(str.encode if wanted == [bytes] else _parser_for(annotation), called or name_of(annotation))


def _parser_for(annotation: Any) -> Reader:
    if _is_pydantics(annotation, set()):
        from queueworker.bodies import pydantic_types  # noqa: PLC0415 -- an extra: loaded where it is needed

        return pydantic_types.parser_for(annotation)
    convert = Converter().kind_of(annotation).convert
    return lambda body: convert(parse_json(body))


def _is_pydantics(annotation: Any, seen: set[Any]) -> bool:
    """Return whether a model of pydantic is part of the type; then all of it is pydantic's."""
    plain = unmarked(annotation)
    if hasattr(plain, "__pydantic_validator__"):
        return True
    if (is_dataclass(plain) or is_typed_dict(plain)) and plain not in seen:
        return any(_is_pydantics(each, seen | {plain}) for each in hints_of(plain).values())
    return any(_is_pydantics(each, seen) for each in get_args(plain))


def _guarded(parse: Reader, name: str) -> Reader:
    def read(body: str) -> Any:
        try:
            return parse(body)
        except (Misfit, NotJsonError) as error:
            problem = str(error)
        except UnicodeEncodeError:
            problem = HALF_PAIR
        except RecursionError:
            problem = NESTED_TOO_DEEPLY
        raise UnfitBodyError(f"the body does not fit {name}: {problem}")

    return read
