"""How runs are calculated, and which loads are too large for that. The commands share it."""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import click

from queueplanner.loads import Load
from queueplanner.recorded import MOST_MESSAGES
from queueplanner.simulation import Mode

if TYPE_CHECKING:
    from queueplanner.play import Candidate

AUTO = "auto"
MODES = (AUTO, *(mode.value for mode in Mode))
MOST_DRAWN = 20_000_000
"""Messages that are drawn one by one; a memory of 4 GB has room for them."""


def most_of(load: Load) -> int:
    """Return the most messages that such a load may have."""
    from queueplanner import aggregated  # noqa: PLC0415 -- see the package's docstring

    return MOST_MESSAGES if aggregated.is_counted(load) else MOST_DRAWN


def mode_of(name: str) -> Mode | None:
    """Return the mode of that name; None: whichever suits."""
    return None if name == AUTO else Mode(name)


def check_mode(mode: Mode | None, load: Load, candidates: "Sequence[Candidate]") -> None:
    """Raise UsageError for a load that is too large to be played as it would be, or a mode that a candidate lacks."""
    with_primary = [each.name for each in candidates if each.primary is not None]
    if mode is Mode.AGGREGATED and with_primary:
        raise click.UsageError(f"--mode {mode}: it has no primary server: leave {with_primary[0]} out, or the option")
    if mode is Mode.EXACT:
        check_drawn(load, f"--mode {mode}", "leave the option out")
    if with_primary:
        check_drawn(load, with_primary[0], "it is calculated message by message: leave it out")


def check_drawn(load: Load, what: str, otherwise: str) -> None:
    """Raise UsageError where something draws a load's messages one by one, and there are too many."""
    from queueplanner import aggregated  # noqa: PLC0415 -- see the package's docstring

    if not aggregated.is_counted(load):
        return
    if (messages := aggregated.expected(load, Random)) > MOST_DRAWN:
        raise click.UsageError(f"{what}: {messages:,.0f} messages are more than {MOST_DRAWN:,}: {otherwise}")
