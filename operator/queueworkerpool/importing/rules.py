"""What becomes of each field of a kind: the table behind the notes and behind the page for users. Pure.

Each kind's module has one table. A field without a line in it is unknown, and is told as such.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from queueworkerpool.importing.source import Path


class Fate(StrEnum):
    """What becomes of a field."""

    CARRIED = "carried over"
    UNNEEDED = "not needed"
    LOST = "no equal"


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of one field, with all that is below it.

    Args:
        field: Its path, with [] for each item of a list.
        becomes: The field of a pool, or of the operator's settings, that has its meaning; empty when there is none.
        says: For a field without an equal: what happens instead. Else what differs, or why it is not needed.
        fate: Which of them it is.
    """

    field: str
    becomes: str
    says: str
    fate: Fate


def carried(field: str, becomes: str, says: str = "") -> Rule:
    """Return the rule of a field that has an equal."""
    return Rule(field, becomes, says, Fate.CARRIED)


def unneeded(field: str, says: str) -> Rule:
    """Return the rule of a field whose purpose does not exist here."""
    return Rule(field, "", says, Fate.UNNEEDED)


def lost(field: str, says: str) -> Rule:
    """Return the rule of a field without an equal."""
    return Rule(field, "", says, Fate.LOST)


def losses(value: Any, at: Path, rules: tuple[Rule, ...], pattern: str = "") -> Iterator[tuple[Path, str]]:
    """Yield each field below a value that is not carried over, with what happens instead.

    A field that is empty, zero or false says the same as none.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from losses(item, (*at, index), rules, f"{pattern}[]")
        return
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        where, name = (*at, key), f"{pattern}.{key}" if pattern else key
        rule = next((rule for rule in rules if rule.field == name), None)
        if rule is None and any(rule.field.startswith((f"{name}.", f"{name}[].")) for rule in rules):
            yield from losses(inner, where, rules, name)
        elif rule is None:
            yield where, "unknown to this version, and left out: see whether it is misspelt"
        elif rule.fate is Fate.LOST and inner not in (None, "", 0, False, "false", {}, []):
            yield where, rule.says
