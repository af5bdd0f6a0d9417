"""The options that say what comes into the queue: exactly one of them makes the load. The commands share them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from queueplanner.commands.parameters import DAY_SECONDS, Span
from queueplanner.commands.sections import Section, grouped
from queueplanner.loads import SHAPES, Load, Shape, ShapeError
from queueplanner.recorded import LoadError
from queueplanner.sources import parse_load
from queueworkerpool.commands import NothingDoneError, text_of
from queueworkerpool.errors import QueueWorkerPoolError

LOAD = Section("Load: one of these")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What was given of each option; None is what was not. Times are in seconds."""

    shape: str | None
    load: str | None
    from_cloudwatch: str | None
    since: float

    @property
    def title(self) -> str:
        """The load in words."""
        return next(iter(self._given().values()), "")

    def made(self) -> Load:
        """Return the load. Raises ClickException."""
        given = self._given()
        if not given:
            raise click.UsageError("say what comes into the queue, such as --shape steady:per_second=5 or --load FILE")
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)}: give one load, leave the others out")
        [option] = given
        try:
            return _MAKERS[option](self)
        except (LoadError, ShapeError) as error:
            raise NothingDoneError(f"{option} {given[option]}: {error}") from error

    def _given(self) -> dict[str, str]:
        """Return the loads that were given, by option."""
        values = {"--shape": self.shape, "--load": self.load, "--from-cloudwatch": self.from_cloudwatch}
        return {option: value for option, value in values.items() if value is not None}


def read(option: str, path: str) -> str:
    """Return the text of a file that an option names. Raises ClickException."""
    try:
        return text_of(path)
    except OSError as error:
        raise NothingDoneError(f"{option} {path}: {error.strerror or error}") from error
    except QueueWorkerPoolError as error:
        raise NothingDoneError(f"{option} {path}: {error}") from error


def _list_shapes(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        click.echo("\n\n".join(_described(shape) for shape in SHAPES.values()))
        ctx.exit()


def _described(shape: Shape) -> str:
    keys = (f"  {name}={each.default:g}: {each.meaning} ({each.unit.value})" for name, each in shape.parameters.items())
    return "\n".join([f"{shape.name}: {shape.meaning}", *keys])


def _shape(options: LoadOptions) -> Load:
    name, _, written = (options.shape or "").partition(":")
    if (shape := SHAPES.get(name)) is None:
        raise ShapeError(f"{name!r} is none of {', '.join(SHAPES)}")
    return shape.parse(written.split(",") if written else ())


def _recorded(options: LoadOptions) -> Load:
    return parse_load(read("--load", options.load or ""))


def _from_cloudwatch(options: LoadOptions) -> Load:
    from queueplanner.sources.aws import fetch, parse_queue  # noqa: PLC0415 -- boto3 takes a second

    return fetch(parse_queue(options.from_cloudwatch or ""), timedelta(seconds=options.since), datetime.now(UTC))


_MAKERS: dict[str, Callable[[LoadOptions], Load]] = {
    "--shape": _shape,
    "--load": _recorded,
    "--from-cloudwatch": _from_cloudwatch,
}
_OPTIONS: Sequence[Callable[..., Any]] = (
    LOAD.option(
        "--shape",
        metavar="NAME[:KEY=VALUE,…]",
        help="One that is made up, such as daily:mean_per_second=2,seconds=7d.",
    ),
    LOAD.option(
        "--shapes",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_list_shapes,
        help="List the shapes with their keys, and end.",
    ),
    LOAD.option(
        "--load",
        metavar="FILE",
        help="One that was recorded: CSV with the columns time and messages, CloudWatch's JSON of NumberOfMessagesSent,"
        " or Prometheus' answer to query_range.",
    ),
    LOAD.option(
        "--from-cloudwatch", metavar="QUEUE", help="What CloudWatch says was sent to a queue: name, URL or ARN."
    ),
    LOAD.option(
        "--since", type=Span(zero=False), default=14 * DAY_SECONDS, help="How far back it is asked. Default: 14d."
    ),
)

load_options = grouped("loads", LoadOptions, _OPTIONS)
"""Give a command the options; it gets them as `loads`."""
