"""What the commands on a page print: executes each in the repository's root, and writes what it prints below it.

`docs.generate` calls it, so that `make verify` fails when a page shows what the code does not print any more. A block
with a command is marked by `RUN`, the block below it, which shows what it prints, by `PRINTED`.
"""

import shlex
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

import click
from click.testing import CliRunner

from docs.markdown import blocks
from queueplanner.commands.recommend import recommend_command
from queueplanner.commands.simulate import simulate_command

ROOT = Path(__file__).parent.parent
RUN = "test: verify"
PRINTED = "generated: what it prints"
COMMANDS: Mapping[str, click.Command] = {"recommend": recommend_command, "simulate": simulate_command}


def with_outputs(page: str) -> str:
    """Return a page with what its commands print."""
    lines, command = page.splitlines(), ""
    parts, written = list[str](), 0
    for block in blocks(page):
        if block.comment == RUN:
            command = block.text
        elif block.comment == PRINTED:
            end = block.line + len(block.text.splitlines())
            parts += [*lines[written : block.line], *printed(command).splitlines()]
            written = end
    return "\n".join([*parts, *lines[written:]]) + "\n"


def printed(command: str) -> str:
    """Return what a command of `qwp` prints. Raises ValueError for one that fails."""
    program, name, *arguments = shlex.split(command.replace("\\\n", " "))
    with chdir(ROOT):
        done = CliRunner().invoke(COMMANDS[name], arguments)
    if program != "qwp" or done.exit_code:
        raise ValueError(f"`{command}` ends with {done.exit_code}: {done.output}")
    return done.stdout
