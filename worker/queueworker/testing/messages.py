"""Messages as a test gives them: text, what becomes JSON, or a whole `Message`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from typing import Any

from queueworker.model import Message

Body = str | bytes | Mapping[str, Any] | Sequence[Any] | Message | object
"""Text or bytes; a whole message; or what becomes JSON: a dict, a list, a dataclass, a pydantic model."""

Attribute = str | bytes | int | float


def message_of(body: Body, default_id: str, group: str | None, attributes: Mapping[str, Attribute]) -> Message:
    """Return the message that a test means. A whole one is kept as it is, but for what is given besides."""
    values = {name: value if isinstance(value, str | bytes) else str(value) for name, value in attributes.items()}
    types = {name: _data_type(value) for name, value in attributes.items()}
    message = body if isinstance(body, Message) else Message(id=default_id, body=text_of(body), receipt_handle="")
    known_types = dict.fromkeys(message.attributes, "String") | dict(message.attribute_types)
    return replace(
        message,
        group=group or message.group,
        attributes={**message.attributes, **values},
        attribute_types={**known_types, **types},
    )


def text_of(body: object) -> str:
    """Return the text of a body: itself, or JSON."""
    if isinstance(body, str | bytes):
        return body if isinstance(body, str) else body.decode()
    as_json = getattr(body, "model_dump_json", None)  # a pydantic model's
    return str(as_json()) if callable(as_json) else json.dumps(body, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"a body of type {type(value).__name__} cannot be written as JSON")


def _data_type(value: Attribute) -> str:
    if isinstance(value, bytes):
        return "Binary"
    return "String" if isinstance(value, str) else "Number"
