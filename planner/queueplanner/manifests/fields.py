"""What becomes of the fields of another autoscaler's manifest: played, told as not played, or refused. Pure.

The modules of the kinds call it; each has a table of its fields.
"""

from collections.abc import Iterator

from queueworkerpool.importing.rules import Rule, carried, losses, lost
from queueworkerpool.importing.source import Path, RefusedError, SourceObject, dotted

SPEC: Path = ("spec",)


def played(*fields: str) -> tuple[Rule, ...]:
    """Return the rules of fields that are played, or that make no difference to a size; with all below them."""
    return tuple(carried(field, "") for field in fields)


def unplayed(field: str, says: str) -> Rule:
    """Return the rule of a field that is not played; `says` is what happens instead."""
    return lost(field, says)


def told(source: SourceObject, at: Path, rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield a sentence for each field that is not played. Raises RefusedError for one that no rule knows."""
    value = source.mapping(at)
    for path, _ in losses(value, at, played(*(rule.field for rule in rules))):
        raise RefusedError(path, "it is not known, so it cannot be played: correct it, or leave it out")
    yield from (f"{dotted(path)}: {text}" for path, text in losses(value, at, rules))


def whole(source: SourceObject, path: Path, default: int, least: int) -> int:
    """Return the whole number at a path. Raises RefusedError for another value, or one below the least."""
    number = source.integer(path)
    if number is None:
        return default
    if number < least:
        raise RefusedError(path, f"{number} is too little: write {least} or more")
    return number


def only(source: SourceObject, at: Path, what: str) -> Path:
    """Return the path of the one item of a list. Raises RefusedError when there are more, or none."""
    items = list(source.objects(at))
    if not items:
        raise RefusedError(at, f"there is no {what}: write one")
    if len(items) > 1:
        raise RefusedError(items[1], f"one {what} is played, for there is one load: leave the others out")
    return items[0]
