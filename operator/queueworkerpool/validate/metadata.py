"""The API server's checks of metadata, as far as they need no cluster. Pure.

`verdicts` calls it. Not checked: the syntax of labels and of annotations' keys, owners, whether the namespace exists.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from queueworkerpool.validate import problems
from queueworkerpool.validate.problems import Problem

_TEXTS = ("name", "generateName", "namespace")
_MAPS = ("labels", "annotations")
_FIELDS = frozenset(
    {
        *_TEXTS,
        *_MAPS,
        *("selfLink", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
        *("deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields"),
    }
)
_KINDS = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
_GO: Mapping[type, str] = {str: "string", dict: "map[string]string"}
_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_NAME}')"
)
_NAME_LENGTH = 253
_ANNOTATION_BYTES = 256 * 1024


def unreadable(metadata: Any) -> Iterator[Problem]:
    """Yield what stops the API server from reading the metadata: unknown fields, and values of a wrong type."""
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        detail = f"json: cannot unmarshal {_KINDS[type(metadata)]} into Go value of type v1.ObjectMeta"
        yield Problem("metadata", detail, blocking=True)
        return
    yield from (problems.unknown(f"metadata.{name}") for name in metadata if name not in _FIELDS)
    for name in _TEXTS:
        yield from _mistyped(metadata.get(name), name, str)
    for name in _MAPS:
        yield from _mistyped(given := metadata.get(name), name, dict)
        for value in given.values() if isinstance(given, dict) else ():
            yield from _mistyped(value, name, str)


def _mistyped(value: Any, name: str, wanted: type) -> Iterator[Problem]:
    if value is not None and not isinstance(value, wanted):
        into = f"Go struct field ObjectMeta.{name} of type {_GO[wanted]}"
        yield Problem(f"metadata.{name}", f"json: cannot unmarshal {_KINDS[type(value)]} into {into}", blocking=True)


def faults(metadata: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with metadata that can be read."""
    name, prefix = metadata.get("name") or "", metadata.get("generateName") or ""
    if prefix:
        # The API server completes the prefix, so its last '-' is not the name's end.
        yield from _bad_name("generateName", prefix, re.sub("-$", "a", prefix))
    if name:
        yield from _bad_name("name", name, name)
    elif not prefix:
        yield problems.required("metadata.name", "name or generateName is required")
    pairs = (metadata.get("annotations") or {}).items()
    if sum(len(key.encode()) + len((value or "").encode()) for key, value in pairs) > _ANNOTATION_BYTES:
        yield problems.too_long("metadata.annotations", _ANNOTATION_BYTES)


def _bad_name(field: str, given: str, whole: str) -> Iterator[Problem]:
    if len(whole) > _NAME_LENGTH:
        yield problems.invalid(f"metadata.{field}", given, f"must be no more than {_NAME_LENGTH} characters")
    if not re.fullmatch(_NAME, whole):
        yield problems.invalid(f"metadata.{field}", given, _NAME_RULE)
