"""The options that say what comes into the queue: exactly one of them makes the load. The commands share them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from queueplanner.commands.modes import most_of
from queueplanner.commands.parameters import DAY_SECONDS, LONGEST_SECONDS, PoolName, Span
from queueplanner.commands.sections import Section, grouped
from queueplanner.commands.texts import read
from queueplanner.loads import SHAPES, Load, Shape, ShapeError
from queueplanner.recorded import LoadError
from queueplanner.sources import parse_load
from queueplanner.sources.past import PoolPast, Workers, read_past, step_for
from queueworkerpool.commands import NothingDoneError
from queueworkerpool.errors import PrometheusError
from queueworkerpool.model import NamespacedName
from queueworkerpool.prometheus import Prometheus

LOAD = Section("Load, one of these")
_TAIL = "that many are short and a few very long is of the service time, such as --service 10s~3"
CLOUDWATCH_SECONDS = 14 * DAY_SECONDS
PROMETHEUS_SECONDS = 7 * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Sent:
    """What comes into the queue, and what else is known of the past that it is from."""

    load: Load
    past: PoolPast | None = None

    @property
    def workers(self) -> Workers | None:
        """What its workers were like, where that is known."""
        return self.past.workers if self.past else None

    @property
    def notes(self) -> Sequence[str]:
        """What is not known of it, in sentences."""
        return (*self.load.notes, *(self.past.notes if self.past else ()))


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What was given of each option; None is what was not. Times are in seconds."""

    shape: str | None
    load: str | None
    from_cloudwatch: str | None
    from_prometheus: str | None
    pool: NamespacedName | None
    since: float | None

    @property
    def title(self) -> str:
        """The load in words."""
        return str(self.pool or next(iter(self._given().values()), ""))

    def sent(self) -> Sent:
        """Return the load. Raises ClickException."""
        given = self._given()
        if not given:
            raise click.UsageError("say what comes into the queue, such as --shape steady:per_second=5 or --load FILE")
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)}: give one load, leave the others out")
        [(option, value)] = given.items()
        self._check(option)
        try:
            return _affordable(_SOURCES[option](self, value))
        except (LoadError, ShapeError) as error:
            raise NothingDoneError(f"{option} {value}: {error}") from error

    def span(self, default: float) -> timedelta:
        """Return how far back is asked."""
        return timedelta(seconds=default if self.since is None else self.since)

    def _given(self) -> dict[str, str]:
        """Return the loads that were given, by option."""
        values = {option: getattr(self, option[2:].replace("-", "_")) for option in _SOURCES}
        return {option: value for option, value in values.items() if value is not None}

    def _check(self, option: str) -> None:
        """Raise UsageError when an option is missing beside this one, or says nothing beside it."""
        if option == "--from-prometheus" and not self.pool:
            raise click.UsageError("--from-prometheus needs --pool NAMESPACE/NAME, whose past it is")
        if option != "--from-prometheus" and self.pool:
            raise click.UsageError(f"--pool belongs to --from-prometheus, and says nothing beside {option}")
        if not option.startswith("--from") and self.since is not None:
            raise click.UsageError(f"--since belongs to --from-cloudwatch and --from-prometheus, not to {option}")


def _list_shapes(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        click.echo("\n\n".join(_described(shape) for shape in SHAPES.values()))
        ctx.exit()


def _described(shape: Shape) -> str:
    keys = (f"  {name}={each.default:g}: {each.meaning} ({each.unit.value})" for name, each in shape.parameters.items())
    return "\n".join([f"{shape.name}: {shape.meaning}", *keys])


def _affordable(sent: Sent) -> Sent:
    days, most = sent.load.seconds / DAY_SECONDS, LONGEST_SECONDS / DAY_SECONDS
    if days > most:
        raise LoadError(f"it lasts {days:.4g} days, and {most:g} are the most that are played: give a part of it")
    return sent


def _shape(_: LoadOptions, given: str) -> Sent:
    name, _separator, written = given.partition(":")
    if (shape := SHAPES.get(name)) is None:
        tail = f": {_TAIL}" if name.startswith("heavy") else ""
        raise ShapeError(f"{name!r} is none of {', '.join(SHAPES)}{tail}")
    made = shape.parse(written.split(",") if written else ())
    for what, most in made.amounts.items():
        if most > (limit := most_of(made)):
            raise ShapeError(f"it might have {most:.3g} {what}, and {limit:,} are the most that are played")
    return Sent(made)


def _recorded(_: LoadOptions, path: str) -> Sent:
    return Sent(parse_load(read("--load", path)))


def _from_cloudwatch(options: LoadOptions, queue: str) -> Sent:
    from queueplanner.sources.aws import fetch, parse_queue  # noqa: PLC0415 -- boto3 takes a second

    return Sent(fetch(parse_queue(queue), options.span(CLOUDWATCH_SECONDS), datetime.now(UTC)))


def _from_prometheus(options: LoadOptions, url: str) -> Sent:
    since, pool = options.span(PROMETHEUS_SECONDS), options.pool or NamespacedName("", "")
    try:
        past = read_past(Prometheus(url), pool, since, datetime.now(UTC), step_for(since))
    except PrometheusError as error:  # an address that is none
        raise LoadError(str(error)) from error
    return Sent(past.load, past)


_SOURCES: Mapping[str, Callable[[LoadOptions, str], Sent]] = {
    "--shape": _shape,
    "--load": _recorded,
    "--from-cloudwatch": _from_cloudwatch,
    "--from-prometheus": _from_prometheus,
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
    LOAD.option("--from-cloudwatch", metavar="QUEUE", help="What CloudWatch says was sent: to a name, URL or ARN."),
    LOAD.option(
        "--from-prometheus",
        metavar="URL",
        help="The past of a pool, and what its workers were like; says also how well the planner repeats it.",
    ),
    LOAD.option("--pool", type=PoolName(), help="The pool that --from-prometheus asks for."),
    LOAD.option(
        "--since", type=Span(zero=False), help="How far back is asked. Default: 14d of CloudWatch, 7d of Prometheus."
    ),
)

load_options = grouped("loads", LoadOptions, _OPTIONS)
"""Give a command the options; it gets them as `loads`."""
