"""The lines that the worker and a program of `--serve` write to each other: JSON objects, explained in docs/serve.md.

Pure; `programs` sends and receives them.
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from queueworker.model import MAX_VISIBILITY_SECONDS, Message

MAX_SHOWN_CHARACTERS = 200
"""Characters of a line that are shown where it is no answer."""


class AnswerKind(StrEnum):
    """What a program answers. An answer has exactly one of these keys; see `_VALUES` for its value."""

    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    REJECT = "reject"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program answered about its message."""

    kind: AnswerKind
    text: str = ""
    """The description of a failure, or the reason of a rejection."""
    seconds: float = 0.0
    """Until the message is to be shown again, or for which it is to be hidden."""


class ProtocolError(Exception):
    """A program wrote a line that is none of the protocol. The text says what is wrong, as part of a sentence."""


def encode_message(message: Message) -> bytes:
    """Return the line that gives a program its message."""
    return _line(
        {
            "id": message.id,
            "body": message.body,
            "attributes": _attributes(message),
            "receiveCount": message.receive_count,
            "group": message.group,
            "sentTimestamp": message.sent_timestamp,
            "deadline": message.deadline,
            "queueUrl": message.queue_url,
            "traceContext": message.trace_context,
        }
    )


def encode_extension(message: Message, *, extended: bool) -> bytes:
    """Return the line that tells a program whether its message stays hidden, and when its work must be done."""
    return _line({"id": message.id, "extended": extended, "deadline": message.deadline})


def check_ready(line: bytes) -> None:
    """Check the first line of a program.

    Raises:
        ProtocolError: it does not say that the program is ready.
    """
    if _parse(line).get("ready") is not True:
        raise ProtocolError(f'its first line must be {{"ready": true}}, and is {shown(line)}')


def parse_answer(line: bytes, message_id: str) -> Answer:
    """Return what a program answers about its message.

    Raises:
        ProtocolError: the line is no answer, or one about another message.
    """
    fields = _parse(line)
    kinds = [kind for kind in _KINDS if kind in fields]
    if len(kinds) != 1:
        raise ProtocolError(f"an answer has one of the keys {', '.join(AnswerKind)}: {shown(line)}")
    if fields.get("id") != message_id:
        raise ProtocolError(f"it has message {message_id}, and answers another: {shown(line)}")
    answer = _answer(kinds[0], fields[kinds[0]])
    if answer is None:
        raise ProtocolError(f"{kinds[0]} is {_VALUES[kinds[0]]}: {shown(line)}")
    return answer


def shown(line: bytes) -> str:
    """Return the beginning of a line, for people."""
    text = line[: 4 * MAX_SHOWN_CHARACTERS].decode(errors="replace")
    return repr(text[:MAX_SHOWN_CHARACTERS])


_KINDS = tuple(AnswerKind)  # to iterate over the class itself takes as long as all the rest
_encode = json.JSONEncoder(separators=(",", ":")).encode
_VALUES = {
    AnswerKind.SUCCESS: "true",
    AnswerKind.FAILURE: "a text that describes it",
    AnswerKind.RETRY: "the seconds until the message is shown again",
    AnswerKind.REJECT: "a text with the reason",
    AnswerKind.EXTEND: "the seconds for which the message is hidden",
}


def _answer(kind: AnswerKind, value: Any) -> Answer | None:
    """Return the answer of a kind; None where the value is not what that kind has."""
    if kind is AnswerKind.SUCCESS:
        return Answer(kind) if value is True else None
    if kind in {AnswerKind.FAILURE, AnswerKind.REJECT}:
        return Answer(kind, text=value) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return None
    return Answer(kind, seconds=float(min(value, MAX_VISIBILITY_SECONDS)))


def _parse(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"it wrote a line that is no JSON object in UTF-8: {shown(line)}") from error
    if not isinstance(found, dict):
        raise ProtocolError(f"it wrote a line that is no JSON object in UTF-8: {shown(line)}")
    return found


def _attributes(message: Message) -> dict[str, dict[str, str]]:
    types = message.attribute_types
    return {name: _attribute(value, types.get(name)) for name, value in message.attributes.items()}


def _attribute(value: str | bytes, data_type: str | None) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"type": data_type or "Binary", "base64": b64encode(value).decode()}
    return {"type": data_type or "String", "value": value}


def _line(fields: dict[str, Any]) -> bytes:
    # In ASCII: no reader takes a character for the end of a line, as many do with U+2028.
    return _encode(fields).encode() + b"\n"
