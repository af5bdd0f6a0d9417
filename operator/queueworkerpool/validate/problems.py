"""The API server's texts for what is wrong with an object, to the letter. Pure.

`schema`, `rules` and `metadata` use them. They are those of Kubernetes 1.36's apimachinery (`field.Error`) and
kube-openapi; tests/cluster compares them with a real server's. It checks nothing itself.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

NO_FIELD = "<nil>"
"""The field that the API server names when a check belongs to no field."""
OMITTED = object()
"""Given to `invalid` instead of a value that the text leaves out."""
_ESCAPES = {'"': '\\"', "\\": "\\\\"} | dict(zip("\a\b\f\n\r\t\v", ("\\" + c for c in "abfnrtv"), strict=True))
_ASCII_END, _BMP_END = 0x80, 0x10000
_PLAIN_EXPONENTS = range(-4, 6)


class Problem(NamedTuple):
    """What is wrong with a field; a blocking one stops the API server from checking the CEL rules."""

    field: str
    message: str
    blocking: bool = False


NOT_ALL_CHECKED = Problem(
    NO_FIELD,
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


def required(path: str, detail: str = "") -> Problem:
    """Return the problem that a required field is missing."""
    return Problem(path, f"Required value: {detail}" if detail else "Required value", blocking=True)


def invalid(path: str, value: Any, detail: str) -> Problem:
    """Return the problem that a value is refused; OMITTED leaves the value out of the text."""
    return Problem(path, f"Invalid value: {detail}" if value is OMITTED else f"Invalid value: {shown(value)}: {detail}")


def of_wrong_type(path: str, wanted: str, found: str) -> Problem:
    """Return the problem that a value is of a wrong type."""
    detail = f"{path} in body must be of type {wanted}: {shown(found)}"
    return Problem(path, f"Invalid value: {shown(found)}: {detail}", blocking=True)


def not_supported(path: str, value: Any, supported: Sequence[str]) -> Problem:
    """Return the problem that a value is not one of the supported ones."""
    listed = ", ".join(shown(word) for word in supported)
    return Problem(path, f"Unsupported value: {shown(value)}: supported values: {listed}", blocking=True)


def too_long(path: str, most: int) -> Problem:
    """Return the problem that a text is too long."""
    return Problem(path, f"Too long: may not be more than {most} {'byte' if most == 1 else 'bytes'}", blocking=True)


def too_many(path: str, count: int, most: int) -> Problem:
    """Return the problem that a list is too long."""
    return Problem(
        path, f"Too many: {count}: must have at most {most} {'item' if most == 1 else 'items'}", blocking=True
    )


def duplicate(path: str, value: Any) -> Problem:
    """Return the problem that an earlier item of the list has the same key."""
    return Problem(path, f"Duplicate value: {shown(value)}")


def unknown(path: str) -> Problem:
    """Return the problem that a field is unknown."""
    return Problem(path, f'unknown field "{path}"')


def shown(value: Any) -> str:
    """Return a value as the API server writes it."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        return float_text(value)
    return _json(value)


def _quoted(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < _ASCII_END:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < _BMP_END else f"\\U{code:08x}"


def float_text(value: float) -> str:
    """Return a float as Go's %v writes it: the fewest digits, and an exponent from 1e+06 and below 1e-04."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    point = len(digits) - 1 + int(exponent)
    if point in _PLAIN_EXPONENTS:
        return f"{Decimal(repr(value)).normalize():f}"
    rest = "".join(map(str, digits[1:]))
    return f"{'-' * sign}{digits[0]}{'.' * bool(rest)}{rest}e{'-' if point < 0 else '+'}{abs(point):02d}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
