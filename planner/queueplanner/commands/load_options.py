"""The options that say what comes into the queue: exactly one of them makes the load. The commands share them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import click

from queueplanner.commands.parameters import DAY_SECONDS, PoolName, Span
from queueplanner.commands.sections import Section, grouped
from queueplanner.loads import SHAPES, Load, Shape, ShapeError
from queueplanner.recorded import LoadError
from queueplanner.sources import parse_load
from queueworkerpool.commands import NothingDoneError, text_of
from queueworkerpool.errors import PrometheusError, QueueWorkerPoolError
from queueworkerpool.model import NamespacedName

if TYPE_CHECKING:
    from queueplanner.sources.past import PoolPast

LOAD = Section("Load: one of these")


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What was given of each option; None is what was not. Times are in seconds."""

    shape: str | None
    load: str | None
    from_cloudwatch: str | None
    from_prometheus: str | None
    pool: NamespacedName | None
    since: float

    @property
    def title(self) -> str:
        """The load in words."""
        return str(self.pool) if self.pool else next(iter(self._given().values()), "")

    def made(self) -> Load:
        """Return the load. Raises ClickException."""
        with self._told() as option:
            return _MAKERS[option](self)

    def past(self) -> "PoolPast | None":
        """Return what Prometheus knows of the pool's past; None for another load. Raises ClickException."""
        if self.from_prometheus is None:
            return None
        with self._told():
            return _past(self)

    @contextmanager
    def _told(self) -> Iterator[str]:
        """Yield the one option that says what comes, and name it in what goes wrong with it. Raises ClickException."""
        given = self._given()
        if not given:
            raise click.UsageError("say what comes into the queue, such as --shape steady:per_second=5 or --load FILE")
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)}: give one load, leave the others out")
        [option] = given
        if (self.pool is None) is not (self.from_prometheus is None):
            raise click.UsageError("--from-prometheus and --pool belong together: where to ask, and about which pool")
        try:
            yield option
        except (LoadError, ShapeError) as error:
            raise NothingDoneError(f"{option} {given[option]}: {error}") from error

    def _given(self) -> dict[str, str]:
        """Return the loads that were given, by option."""
        values = {
            "--shape": self.shape,
            "--load": self.load,
            "--from-cloudwatch": self.from_cloudwatch,
            "--from-prometheus": self.from_prometheus,
        }
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


def _past(options: LoadOptions) -> "PoolPast":
    from queueplanner.sources.past import read_past, step_for  # noqa: PLC0415 -- urllib3 takes a while
    from queueworkerpool.prometheus import Prometheus  # noqa: PLC0415 -- as above

    since = timedelta(seconds=options.since)
    try:
        server = Prometheus(options.from_prometheus or "")
    except PrometheusError as error:
        raise LoadError(str(error)) from error
    return read_past(server, cast(NamespacedName, options.pool), since, datetime.now(UTC), step_for(since))


_MAKERS: dict[str, Callable[[LoadOptions], Load]] = {
    "--shape": _shape,
    "--load": _recorded,
    "--from-cloudwatch": _from_cloudwatch,
    "--from-prometheus": lambda options: _past(options).load,
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
        "--from-prometheus",
        metavar="URL",
        help="What came into a pool's queue by the metrics of operator and workers; what its workers are like, too.",
    ),
    LOAD.option("--pool", type=PoolName(), help="Of which pool Prometheus is asked."),
    LOAD.option(
        "--since", type=Span(zero=False), default=14 * DAY_SECONDS, help="How far back it is asked. Default: 14d."
    ),
)

load_options = grouped("loads", LoadOptions, _OPTIONS)
"""Give a command the options; it gets them as `loads`."""
