"""The commands of `qwp` that come with an extra: other distributions name them as entry points.

`__main__` makes its group of them. They are looked up only when one of them is called, or all are listed: neither the
look-up nor what they import costs the other commands anything. Nothing here imports those distributions by name.
"""

from collections.abc import Mapping
from importlib.metadata import entry_points

import click

ENTRY_POINTS = "queueworkerpool.commands"
"""The group of those entry points."""
EXTRAS: Mapping[str, tuple[str, str]] = {
    "recommend": ("planner", "Find the settings of a pool that keep a promise at the least cost."),
    "simulate": ("planner", "Play a load through pools and through other autoscalers, and compare what comes of it."),
}
"""The extra that each command comes with, and what `qwp --help` says of one that is not installed."""


class ExtraCommands(click.Group):
    """A group that also has the commands of installed extras."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, also of those that are not installed."""
        return sorted({*super().list_commands(ctx), *EXTRAS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one that says what to install for a command whose extra is not there."""
        own = super().get_command(ctx, cmd_name)
        return _installed(cmd_name) if own is None and cmd_name in EXTRAS else own


def _installed(name: str) -> click.Command:
    for found in entry_points(group=ENTRY_POINTS, name=name):
        try:
            command: click.Command = found.load()
        except ModuleNotFoundError:  # a distribution without its libraries
            break
        return command
    return _absent(name)


def _absent(name: str) -> click.Command:
    extra, says = EXTRAS[name]

    def refuse() -> None:
        problem = f"`qwp {name}` is not installed here, nor in the plugin of kubectl or in the operator's image"
        raise click.UsageError(f"{problem}: install `queueworkerpool[{extra}]` with pip where you call it")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}
    return click.Command(
        name, settings, refuse, help=f"{says} (Not installed: `queueworkerpool[{extra}]`.)", add_help_option=False
    )
