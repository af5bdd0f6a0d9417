"""The kinds of values that JSON's values become: each has a name for sentences, and a function that converts or raises.

`conversion` chooses them by type. They are strict where JSON is clear: a string is no number. The functions are made
once for each handler, and called for each message.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from queueworker.bodies.failures import Misfit

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Args:
        name: what is expected, as in "an integer".
        convert: returns the value for a value of JSON, or raises Misfit.
    """

    name: str
    convert: Convert


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object."""

    name: str
    convert: Convert
    required: bool


def _exactly(name: str, json_type: type) -> Kind:
    def convert(value: Any) -> Any:
        if type(value) is not json_type:
            raise Misfit.of(name, value)
        return value

    return Kind(name, convert)


def _parsed(name: str, parse: Convert, *json_types: type) -> Kind:
    """Return the kind of what `parse` returns for one of these types of JSON, unless it raises."""

    def convert(value: Any) -> Any:
        if type(value) in json_types:
            with suppress(ValueError, ArithmeticError):
                return parse(value)
            raise Misfit(f"expected {name}, found another value")
        raise Misfit.of(name, value)

    return Kind(name, convert)


def _integer(value: float) -> int:
    if value != (integer := int(value)):
        raise ValueError
    return integer


def _finite_float(value: float) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError
    return number


def _finite_decimal(value: float | str) -> Decimal:
    if not (number := Decimal(str(value))).is_finite():
        raise ValueError
    return number


ANYTHING: Final = Kind("anything", lambda value: value)
ARRAY: Final = _exactly("an array", list)
OBJECT: Final = _exactly("an object", dict)
SCALARS: Final[Mapping[Any, Kind]] = {
    str: _exactly("a string", str),
    bool: _exactly("a boolean", bool),
    type(None): _exactly("null", type(None)),
    int: _parsed("an integer", _integer, int, float),
    float: _parsed("a number", _finite_float, int, float),
    Decimal: _parsed("a decimal number", _finite_decimal, int, float, str),
    UUID: _parsed("a UUID", UUID, str),
    datetime: _parsed("a time in ISO 8601", datetime.fromisoformat, str),
    date: _parsed("a date in ISO 8601", date.fromisoformat, str),
    time: _parsed("a time of day in ISO 8601", time.fromisoformat, str),
}


def one_of(values: Sequence[Any], parse: Convert) -> Kind:
    """Return the kind of these values of JSON, each of which `parse` makes something of."""
    allowed = [(type(value), value) for value in values]
    name = "one of " + ", ".join(map(repr, values))

    def convert(value: Any) -> Any:
        if (type(value), value) not in allowed:
            raise Misfit(f"expected {name}, found another value")
        return parse(value)

    return Kind(name, convert)


def array_of(item: Kind, make: Convert) -> Kind:
    """Return the kind of arrays of one kind of items, from which `make` makes a list, a set or a tuple."""

    def convert(value: Any) -> Any:
        found, converted = ARRAY.convert(value), []
        try:
            for each in found:
                converted.append(item.convert(each))  # noqa: PERF401 -- its length says where a misfit is
        except Misfit as misfit:
            raise misfit.inside(f"[{len(converted)}]") from None
        return make(converted)

    return Kind(ARRAY.name, convert)


def tuple_of(items: Sequence[Kind]) -> Kind:
    """Return the kind of arrays that have exactly these items."""
    name = f"an array of {len(items)}"

    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise Misfit.of(name, value)
        if len(value) != len(items):
            raise Misfit(f"expected {name}, found one of {len(value)}")
        return tuple(_convert_inside(f"[{index}]", item.convert, value[index]) for index, item in enumerate(items))

    return Kind(name, convert)


def object_of(value_kind: Kind) -> Kind:
    """Return the kind of objects of which only the kind of the values is known."""

    def convert(value: Any) -> Any:
        found = OBJECT.convert(value)
        return {name: _convert_inside(name, value_kind.convert, each) for name, each in found.items()}

    return Kind(OBJECT.name, convert)


def record_of(name: str, fields: Sequence[Field], make: Convert) -> Kind:
    """Return the kind of objects with these fields, from which `make` makes a value.

    `make` gets all fields of the object that are known, and may raise ValueError for what is wrong among them.
    """
    rows = [(field.name, field.convert, field.required) for field in fields]

    def convert(value: Any) -> Any:
        found, arguments, field = OBJECT.convert(value), {}, ""
        try:
            for field, convert_field, required in rows:
                if field in found:
                    arguments[field] = convert_field(found[field])
                elif required:
                    raise Misfit("missing")  # noqa: TRY301 -- as the misfit of its value would be
        except Misfit as misfit:
            raise misfit.inside(field) from None
        try:
            return make(arguments)
        except ValueError as error:
            raise Misfit(str(error)) from error

    return Kind(name, convert)


def first_of(kinds: Sequence[Kind]) -> Kind:
    """Return the kind of what fits one of these; the first that fits counts.

    Of a value that fits none, the sentence is about the only one of them that it has something of, if there is one.
    """
    name = " or ".join(kind.name for kind in kinds)

    def convert(value: Any) -> Any:
        misfits = []
        for kind in kinds:
            try:
                return kind.convert(value)
            except Misfit as misfit:
                misfits.append(misfit)
        closer = [misfit for misfit in misfits if misfit.path]
        raise closer[0] if len(closer) == 1 else Misfit.of(name, value)

    return Kind(name, convert)


def optional(kind: Kind) -> Kind:
    """Return the kind of what may be null."""

    def convert(value: Any) -> Any:
        return None if value is None else kind.convert(value)

    return Kind(f"{kind.name} or null", convert)


def _convert_inside(step: str, convert: Convert, value: Any) -> Any:
    try:
        return convert(value)
    except Misfit as misfit:
        raise misfit.inside(step) from None
