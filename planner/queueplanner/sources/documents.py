"""JSON documents in a text, one after the other, as commands print pages. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from queueplanner.recorded import LoadError


def documents(text: str) -> list[Any]:
    """Return the documents of a text; those in a list count as if they followed each other. Raises LoadError."""
    return [each for found in _read(text) for each in (found if isinstance(found, list) else [found])]


def _read(text: str) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(), 0
    while rest := text[position:].lstrip("\ufeff \t\r\n"):
        position = len(text) - len(rest)
        try:
            found, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            raise LoadError(f"this is no JSON: {error}") from None
        yield found


def member(document: Any, name: str, kind: type, path: str) -> Any:
    """Return what a document has by a name; the path says where the document is. Raises LoadError."""
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, kind):
        kinds: dict[type, str] = {list: "a list", dict: "an object", str: "a text"}
        raise LoadError(f"{path}{name} is missing, or not {kinds[kind]}")
    return found
