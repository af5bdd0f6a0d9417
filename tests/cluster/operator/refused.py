"""What a refused pool is: a row of `refused_targets` and `refused_rules`."""

from typing import NamedTuple


class Row(NamedTuple):
    """A manifest that is refused, and why."""

    manifest: str
    field: str
    fix: str
