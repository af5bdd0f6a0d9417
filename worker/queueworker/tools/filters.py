"""Which messages are meant: parses `--filter` expressions, and says whether a message fits all of them. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from queueworker.errors import UsageError
from queueworker.model import REASON_ATTRIBUTE, Message

EXAMPLES: Final = "body~REGEX, reason~REGEX, NAME=VALUE (an attribute), age>2h, age<15m or sent>2026-01-31T08:00Z"

_TEXT: Final = re.compile(r"(body|reason)~(.+)", re.DOTALL)
_AGE: Final = re.compile(r"age([<>])(\d+(?:\.\d+)?)([smhd])")
_SENT: Final = re.compile(r"sent([<>])(.+)")
_ATTRIBUTE: Final = re.compile(r"([\w.-]+)=(.*)", re.DOTALL)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Condition = Callable[[Message], bool]


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that a message must fulfil, all of them."""

    conditions: tuple[Condition, ...] = ()

    def match(self, message: Message) -> bool:
        """Return whether the message is meant."""
        return all(condition(message) for condition in self.conditions)


def parse_filters(expressions: Sequence[str], now: float) -> Filters:
    """Return the conditions that the expressions stand for.

    Args:
        expressions: see `EXAMPLES`.
        now: from when ages count, in seconds since 1970.

    Raises:
        UsageError: an expression is none.
    """
    return Filters(tuple(_condition(expression, now) for expression in expressions))


def _condition(expression: str, now: float) -> Condition:
    if found := _TEXT.fullmatch(expression):
        return _text_condition(expression, found[1], found[2])
    if found := _AGE.fullmatch(expression):
        border = now - timedelta(**{_UNITS[found[3]]: float(found[2])}).total_seconds()
        return _sent_condition("<" if found[1] == ">" else ">", border)
    if found := _SENT.fullmatch(expression):
        return _sent_condition(found[1], _timestamp(expression, found[2]))
    if found := _ATTRIBUTE.fullmatch(expression):
        return _attribute_condition(found[1], found[2])
    raise UsageError(f"--filter {expression!r} is none: write {EXAMPLES}")


def _text_condition(expression: str, part: str, regex: str) -> Condition:
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise UsageError(f"--filter {expression!r} has no regular expression: {error}") from error
    if part == "body":
        return lambda message: pattern.search(message.body) is not None
    return lambda message: pattern.search(reason_of(message)) is not None


def reason_of(message: Message) -> str:
    """Return why a worker rejected the message; '' where none did."""
    return str(message.attributes.get(REASON_ATTRIBUTE, ""))


def _attribute_condition(name: str, value: str) -> Condition:
    return lambda message: message.attributes.get(name) == value


def _sent_condition(sign: str, border: float) -> Condition:
    """Return what holds for messages sent before (<) or after (>) a time, not for those of an unknown time."""

    def condition(message: Message) -> bool:
        sent = message.sent_timestamp
        return sent is not None and (sent < border if sign == "<" else sent > border)

    return condition


def _timestamp(expression: str, text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--filter {expression!r} has no time: write it as 2026-01-31T08:00Z") from error
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
