"""What an API server leaves out of a status that is written, because its definition of the pool is older. Pure.

That happens when an operator is upgraded and the custom resource definition is not. `PoolStatus.parse` uses it.
"""

from collections.abc import Mapping
from typing import Any


def lost(sent: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a merge patch set and the answer to it does not contain. A list is lost as a whole."""
    found: dict[str, Any] = {}
    for name, value in sent.items():
        kept = answer.get(name)
        if isinstance(value, Mapping):
            if inner := lost(value, kept if isinstance(kept, Mapping) else {}):
                found[name] = inner
        elif value is not None and value != kept:
            found[name] = value
    return found


def completed(raw: Mapping[str, Any], missing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a raw status together with what is missing in it."""
    if not missing:
        return raw
    result = dict(raw)
    for name, value in missing.items():
        before = result.get(name)
        is_object = isinstance(value, Mapping)
        result[name] = completed(before if isinstance(before, Mapping) else {}, value) if is_object else value
    return result


def names(missing: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the names of what is missing, with those of the objects that they are in."""
    found: list[str] = []
    for name, value in missing.items():
        inner = names(value, f"{prefix}{name}.") if isinstance(value, Mapping) else []
        found += inner or [f"{prefix}{name}"]
    return found
