"""The program's commands: finds the one that is called, `run` without a name. `__main__` calls it.

A command's module is loaded only when it is called, or when all are listed: no command pays for another.
"""

import difflib
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

import click

from commandoutput import PrintingGroup

COMMANDS: Final[Mapping[str, str]] = {
    "run": "queueworker.commands.run",
    "redrive": "queueworker.commands.redrive",
    "peek": "queueworker.commands.peek",
}
"""The module of each command; its function has the command's name."""
DEFAULT: Final = "run"
_FLAGS: Final = frozenset({"-h", "--help", "--version"})
"""What the program itself understands; all other flags are the default command's."""


class Commands(PrintingGroup):
    """A group that loads its commands when they are needed, and has a default."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the commands in the order in which the help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- as above
        """Return a command, loading its module; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the name of the default command before them where there is none."""
        return super().parse_args(ctx, with_command(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called, and what remains for it; fail with the closest name for another."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            closest = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=0)
            ctx.fail(f"there is no command {args[0]!r}; did you mean {closest[0]!r}? All: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)


def with_command(args: Sequence[str]) -> list[str]:
    """Return the arguments with a command's name in front: the default's, when they have none."""
    named = args and (not args[0].startswith("-") or args[0] in _FLAGS)
    return [*args] if named else [DEFAULT, *args]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="queueworker", prog_name="queueworker")
def main() -> None:
    """Consume SQS queues from Python, without losing messages.

    Without the name of a command, flags are those of `run`: `queueworker --queue URL --handler MODULE:FUNCTION` is the
    same as `queueworker run --queue URL --handler MODULE:FUNCTION`, whose flags `queueworker run --help` explains.

    Every command ends with exit code 74 when what it prints cannot be written, as on a full disk, and with 141 when
    nobody reads it any more.
    """
