"""What envelopes share: how their text is read, and how the message without one is made. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from queueworker.bodies.readers import Reader, reader_for
from queueworker.model import Message


def envelope_reader(shape: Any, name: str) -> Reader:
    """Return what reads a body as an envelope of this shape; it raises UnfitBodyError, which names the envelope."""
    return reader_for(shape, called=f"--envelope {name}")


def opened(message: Message, body: str, attributes: Mapping[str, str | bytes], types: Mapping[str, str]) -> Message:
    """Return the message with what was in its envelope: the body, and attributes beside those that it has.

    Args:
        message: as it was.
        body: the new one.
        attributes: by name.
        types: SQS's data type of each of them.
    """
    return replace(
        message,
        body=body,
        attributes={**message.attributes, **attributes},
        attribute_types={**message.attribute_types, **types},
        raw_body=message.body if message.raw_body is None else message.raw_body,
    )
