"""How messages and amounts look: lines for people, JSON objects for programs.

Whatever a sender wrote is escaped, so that nothing of it moves a terminal's cursor.
"""

import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from queueworker.model import REASON_ATTRIBUTE, Message, StoredMessage
from queueworker.tools.filters import reason_of

_INDENT: Final = "    "
_LEAST_WIDTH: Final = 40
_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))


def as_text(stored: StoredMessage, now: float, width: int) -> Iterator[str]:
    """Yield the lines about a message.

    Args:
        stored: the message.
        now: in seconds since 1970.
        width: of a line, in characters; what is longer is cut, and the line says so.
    """
    message = stored.message
    yield "  ".join([escaped(message.id), *_facts(stored, now)])
    if reason := reason_of(message):
        yield cut(f"{_INDENT}reason: {escaped(reason)}", width)
    if attributes := ", ".join(_shown_attributes(message)):
        yield cut(f"{_INDENT}{attributes}", width)
    yield _shown_body(message.body, max(_LEAST_WIDTH, width))


def _facts(stored: StoredMessage, now: float) -> Iterator[str]:
    message = stored.message
    if message.sent_timestamp is not None:
        yield f"sent {duration(max(0.0, now - message.sent_timestamp))} ago"
    yield f"received {times(message.receive_count)}"
    if message.group:
        yield f"group {escaped(message.group)}"
    if stored.source_arn:
        yield f"from {escaped(stored.source_arn.rpartition(':')[2])}"


def _shown_attributes(message: Message) -> Iterator[str]:
    for name, value in message.attributes.items():
        if name != REASON_ATTRIBUTE:
            shown = value if isinstance(value, str) else f"{len(value)} bytes"
            yield f"{escaped(name)}={escaped(shown)}"


def _shown_body(body: str, width: int) -> str:
    line = _INDENT + escaped(body[:width])
    if len(line) <= width and len(body) <= width:
        return line
    rest = f" ... ({len(body):,} characters; -o json has them all)"
    return line[: max(len(_INDENT), width - len(rest))] + rest


def cut(line: str, width: int) -> str:
    """Return a line of at most this width, at least 40 characters."""
    width = max(_LEAST_WIDTH, width)
    return line if len(line) <= width else line[: width - 4] + " ..."


def escaped(text: str) -> str:
    """Return a text in which everything that is not printed is spelled out, as Python would."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def as_json(stored: StoredMessage) -> str:
    """Return a message as one line: a JSON object with everything that SQS says of it."""
    message = stored.message
    sent = message.sent_timestamp
    return json.dumps(
        {
            "id": message.id,
            "body": message.body,
            "attributes": {name: _json_attribute(message, name) for name in message.attributes},
            "receiveCount": message.receive_count,
            "sent": None if sent is None else datetime.fromtimestamp(sent, UTC).isoformat(timespec="milliseconds"),
            "group": message.group,
            "deduplicationId": stored.deduplication_id,
            "source": stored.source_arn,
            "reason": reason_of(message) or None,
            "traceHeader": message.trace_header,
        }
    )


def _json_attribute(message: Message, name: str) -> dict[str, Any]:
    value = message.attributes[name]
    shown = value if isinstance(value, str) else b64encode(value).decode()
    return {"type": message.attribute_types.get(name, "String"), "value": shown}


def terminal_width() -> int:
    """Return the width of the terminal; 80 without one."""
    return shutil.get_terminal_size().columns


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which it has at least one."""
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def times(number: int) -> str:
    """Return how often."""
    return "once" if number == 1 else f"{number} times"


def counted(number: int, noun: str = "message") -> str:
    """Return a number of things, with its noun in the plural where it must be."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
