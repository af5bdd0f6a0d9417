"""The structural checks of the CRD's schema: unknown fields, defaults, types, bounds, list keys. Pure.

`verdicts` calls it, in the API server's order: unknown fields, then nulls and defaults, then the checks. It is not a
library of JSON Schema, because such a library finds the same faults but words them differently, and the texts must be
the API server's. The CRD uses only the keywords below (a test checks that). Oddities of the API server are repeated: an
integer out of its format's range is reported without a field, and a bound is cut to a whole number before an integer is
compared with it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from queueworkerpool.validate import problems
from queueworkerpool.validate.problems import NO_FIELD, Problem

Schema = Mapping[str, Any]

KEYWORDS = frozenset(
    {
        *("type", "format", "description", "default", "enum", "properties", "required", "items"),
        *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
        *("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations"),
    }
)
"""The keywords that this package understands (`rules` the last); the key of a list is a single field."""

_RANGES = {"int32": range(-(2**31), 2**31), "int64": range(-(2**63), 2**63)}
_KINDS: Mapping[type, tuple[str, str]] = {
    bool: ("boolean", ""),
    int: ("integer", "int64"),
    float: ("number", "float64"),
    str: ("string", ""),
    list: ("array", ""),
    dict: ("object", ""),
}
"""The schema's type of a value, and the format that the API server sees in it."""


def child(path: str, name: str) -> str:
    """Return the path of a field."""
    return f"{path}.{name}" if path else name


def parts(value: Any, schema: Schema, path: str) -> Iterator[tuple[Any, Schema, str]]:
    """Yield the parts of a value, each with its schema and path: the fields that the schema knows, or the items."""
    if isinstance(value, dict):
        for name, sub in schema.get("properties", {}).items():
            if name in value:
                yield value[name], sub, child(path, name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield item, schema.get("items", {}), f"{path}[{index}]"


def unknown_fields(value: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Yield the fields that the schema does not know, which the API server refuses under strict validation."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (problems.unknown(child(path, name)) for name in value if name not in known)
    for part, sub, where in parts(value, schema, path):
        yield from unknown_fields(part, sub, where)


def completed(value: Any, schema: Schema) -> Any:
    """Return the value as the API server stores it: without unknown fields and nulls, with the defaults."""
    if isinstance(value, list):
        return [completed(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    whole = {}
    for name, sub in schema.get("properties", {}).items():
        given = value.get(name)
        if given is None:
            given = sub.get("default")
        if given is not None:
            whole[name] = completed(given, sub)
    return whole


def faults(value: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Yield what is wrong with a completed value, except list keys and CEL rules."""
    yield from _type_faults(value, schema, path)
    if "enum" in schema and value not in schema["enum"]:
        yield problems.not_supported(path, value, schema["enum"])
    if check := _CHECKS.get(type(value)):
        yield from check(value, schema, path)
    for part, sub, where in parts(value, schema, path):
        yield from faults(part, sub, where)


def _type_faults(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    wanted, wanted_format = schema.get("type"), schema.get("format")
    if wanted is None:
        return
    if value is None:
        yield problems.of_wrong_type(path, wanted, "null")
        return
    found, found_format = _KINDS[type(value)]
    if found == wanted or (wanted == "number" and found == "integer"):
        return
    if wanted_format and not isinstance(value, (str, list)):
        yield problems.of_wrong_type(path, wanted_format, found_format)
    else:
        yield problems.of_wrong_type(path, wanted, found)


def _number_faults(value: Any, schema: Schema, path: str) -> Iterator[Problem]:
    kind, form = schema.get("type"), schema.get("format", "int64")
    if kind == "integer" and not (isinstance(value, int) and value in _RANGES[form]):
        yield problems.invalid(NO_FIELD, "", f"Checked value must be of type {kind} with format {form} in {path}")
    least, most = (_bound(schema.get(name), value) for name in ("minimum", "maximum"))
    if least is not None and value < least:
        detail = f"{path} in body should be greater than or equal to {problems.shown(least)}"
        yield problems.invalid(path, value, detail)
    if most is not None and value > most:
        yield problems.invalid(path, value, f"{path} in body should be less than or equal to {problems.shown(most)}")


def _bound(bound: float | None, value: float) -> float | None:
    return None if bound is None else type(value)(bound)


def _text_faults(value: str, schema: Schema, path: str) -> Iterator[Problem]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is not None and len(value) > most:
        yield problems.too_long(path, most)
    elif len(value) < least:
        yield problems.invalid(path, value, f"{path} in body should be at least {least} chars long")


def _list_faults(value: list[Any], schema: Schema, path: str) -> Iterator[Problem]:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < least:
        yield problems.invalid(path, len(value), f"{path} in body should have at least {least} items")
    if most is not None and len(value) > most:
        yield problems.too_many(path, len(value), most)


def _object_faults(value: dict[str, Any], schema: Schema, path: str) -> Iterator[Problem]:
    yield from (problems.required(child(path, name)) for name in schema.get("required", ()) if name not in value)


_CHECKS: Mapping[type, Callable[[Any, Schema, str], Iterator[Problem]]] = {
    int: _number_faults,
    float: _number_faults,
    str: _text_faults,
    list: _list_faults,
    dict: _object_faults,
}


def repeated_keys(value: Any, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Yield the items of keyed lists whose key an earlier item has; each key is reported once."""
    if schema.get("x-kubernetes-list-type") == "map" and isinstance(value, list):
        yield from _repeated(value, schema["x-kubernetes-list-map-keys"][0], path)
    for part, sub, where in parts(value, schema, path):
        yield from repeated_keys(part, sub, where)


def _repeated(items: list[Any], key: str, path: str) -> Iterator[Problem]:
    for index, item in enumerate(items):
        if not isinstance(item, dict) and item is not None:
            detail = "must be an object for an array of list-type map"
            yield problems.invalid(f"{path}[{index}]", item, detail)
            return
    times: dict[str, int] = {}
    for index, item in enumerate(items):
        named = {key: item[key]} if item and key in item else {}
        word = problems.shown(named)
        times[word] = times.get(word, 0) + 1
        if times[word] == 2:  # noqa: PLR2004 -- the first repetition; the API server is silent on the others
            yield problems.duplicate(f"{path}[{index}]", named)
