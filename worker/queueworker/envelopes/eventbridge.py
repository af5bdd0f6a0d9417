"""Events of EventBridge: the body is `detail`, and what says which event it is becomes attributes. Pure."""

import json
from typing import Any, Final, TypedDict

from queueworker.bodies.failures import UnfitBodyError
from queueworker.envelopes.opened import envelope_reader, opened
from queueworker.model import Message

NAME: Final = "eventbridge"

ATTRIBUTES: Final = ("detail-type", "source", "id", "time")
"""The event's fields that become attributes."""

Event = TypedDict("Event", {"detail-type": str, "source": str, "id": str, "time": str, "detail": dict[str, Any]})

_read: Final = envelope_reader(Event, NAME)


def open_event(message: Message) -> Message:
    """Return the event's detail as JSON, with attributes that say which event it is.

    Raises:
        UnfitBodyError: the body is something else.
    """
    event: dict[str, Any] = _read(message.body)
    try:
        detail = json.dumps(event["detail"], ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise UnfitBodyError("the event's detail has a number too large, or is nested too deeply") from error
    return opened(message, detail, {name: event[name] for name in ATTRIBUTES}, dict.fromkeys(ATTRIBUTES, "String"))
