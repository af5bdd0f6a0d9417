"""The options that say what comes into the queue: exactly one of them makes the load. The commands share them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any

import click

from queueplanner.commands.sections import Section
from queueplanner.loads import SHAPES, Load, Shape, ShapeError
from queueplanner.recorded import LoadError, parse_csv
from queueworkerpool.commands import NothingDoneError, text_of
from queueworkerpool.errors import QueueWorkerPoolError

LOAD = Section("Load: one of these")
MOST_MESSAGES = 20_000_000


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What was given of each option; None or empty is what was not."""

    shape: str | None
    csv: str | None

    @property
    def title(self) -> str:
        """The load in words."""
        return self.shape or f"{self.csv}"

    def load(self) -> Load:
        """Return the load. Raises ClickException."""
        makers: Mapping[str, Callable[[str], Load]] = {"shape": _shape, "csv": _csv}
        given = {name: value for name in makers if (value := getattr(self, name)) is not None}
        if not given:
            raise click.UsageError("say what comes into the queue, such as --shape steady:per_second=5 or --csv FILE")
        if len(given) > 1:
            raise click.UsageError(
                f"{' and '.join(f'--{name}' for name in given)}: give one load, leave the others out"
            )
        [(name, value)] = given.items()
        return makers[name](value)


def load_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a load; it gets them as `loads`."""

    def packed(*, shape: str | None, csv: str | None, **others: Any) -> None:
        command(loads=LoadOptions(shape, csv), **others)

    packed = update_wrapper(packed, command)
    for option in (_CSV, _LIST, _SHAPE):
        packed = option(packed)
    return packed


def _list_shapes(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        click.echo("\n\n".join(_described(shape) for shape in SHAPES.values()))
        ctx.exit()


_SHAPE = LOAD.option(
    "--shape",
    metavar="NAME[:KEY=VALUE,…]",
    help="One that is made up, such as daily:mean_per_second=2,seconds=7d.",
)
_LIST = LOAD.option(
    "--shapes",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_list_shapes,
    help="List the shapes with their keys, and end.",
)
_CSV = LOAD.option(
    "--csv",
    metavar="FILE",
    help="Messages over time, with the columns time and messages; - is standard input.",
)


def _described(shape: Shape) -> str:
    lines = [f"{shape.name}: {shape.meaning}"]
    lines += [
        f"  {name}={each.default:g}: {each.meaning} ({each.unit.value})" for name, each in shape.parameters.items()
    ]
    return "\n".join(lines)


def _shape(given: str) -> Load:
    name, _, written = given.partition(":")
    shape = SHAPES.get(name)
    if shape is None:
        raise click.UsageError(f"--shape {name!r} is none of {', '.join(SHAPES)}")
    try:
        load = shape.parse(written.split(",") if written else ())
    except ShapeError as error:
        raise NothingDoneError(f"--shape {error}") from error
    return load


def _csv(path: str) -> Load:
    try:
        return parse_csv(read("--csv", path))
    except LoadError as error:
        raise NothingDoneError(f"--csv {path}: {error}") from error


def read(option: str, path: str) -> str:
    """Return the text of a file that an option names. Raises ClickException."""
    try:
        return text_of(path)
    except OSError as error:
        raise NothingDoneError(f"{option} {path}: {error.strerror or error}") from error
    except QueueWorkerPoolError as error:
        raise NothingDoneError(f"{option} {path}: {error}") from error
