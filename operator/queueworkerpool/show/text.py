"""Tables, spans of time and safe lines, as kubectl shows them. Pure; the other parts of `show` use it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

LONGEST_TEXT = 1000
"""A cell or a line, in characters; what is longer is cut."""

UNKNOWN = "-"
"""How a value is shown that is not known."""

_GAP = "   "
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_UNITS_SHOWN = 2


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return lines of aligned columns, without spaces at the end."""
    cells = [list(head), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def printable(text: str) -> str:
    """Return a text that a terminal can take: without control characters, and not endless.

    Whoever may write a pool's status or an Event may write anything into it.
    """
    safe = escaped(text[:LONGEST_TEXT])
    return safe if len(text) <= LONGEST_TEXT else f"{safe}…"


def escaped(text: str) -> str:
    """Return a text with its control characters written out, as in Python's source."""
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def number(value: int | None) -> str:
    """Return a number, or the sign for one that is not known."""
    return UNKNOWN if value is None else str(value)


def span(time: timedelta) -> str:
    """Return a span of time in its two largest units, such as 4m12s; a negative one is none."""
    left, parts = max(0, round(time.total_seconds())), []
    for unit, seconds in _UNITS:
        amount, left = divmod(left, seconds)
        if amount:
            parts.append(f"{amount}{unit}")
        if len(parts) == _UNITS_SHOWN:
            break
    return "".join(parts) or "0s"
