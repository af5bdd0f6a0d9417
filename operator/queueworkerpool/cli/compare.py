"""`qwp compare`: the size that we recommend beside the one that another autoscaler set, now and over time."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from queueworkerpool.cli.failures import reported
from queueworkerpool.cli.options import ClusterOptions, PoolName, cluster_options
from queueworkerpool.model import InvalidPool, Mode, NamespacedName, Pool
from queueworkerpool.show.comparison import Comparison, aligned, comparison_document, comparison_lines
from queueworkerpool.show.text import printable

if TYPE_CHECKING:
    from queueworkerpool.model import Target

MOST_MOMENTS = 1000
SHORTEST_STEP = timedelta(seconds=15)
"""Prometheus is asked for so many values at most, and no closer ones: it scrapes hardly more often."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Duration(click.ParamType[timedelta]):
    """A span of time, such as 90m, 12h or 3d."""

    name = "DURATION"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Parse it; fails for what is none."""
        if isinstance(value, timedelta):
            return value
        parts = re.fullmatch(r"([1-9][0-9]{0,4})([smhdw])", value)
        if parts is None:
            self.fail(f"{value!r}: write it as 90m, 12h or 3d", param, ctx)
        return timedelta(**{_UNITS[parts[2]]: int(parts[1])})


@dataclass(frozen=True, slots=True)
class _Live:
    """A pool and its Deployment as they are now."""

    pool: Pool
    target: "Target"

    @property
    def warnings(self) -> Sequence[str]:
        """What makes a comparison say less than it seems to."""
        if self.pool.spec.mode is Mode.DRY_RUN:
            return ()
        return (f"spec.mode is {self.pool.spec.mode}, so nobody else sets the size: compare in mode DryRun",)

    def line(self) -> str:
        """Return both sizes in a sentence."""
        status, (manager, _) = self.pool.status, self.target.writer or ("unknown", None)
        ours = "unknown" if status.desired_replicas is None else f"{status.desired_replicas} pods"
        backlog = "unknown" if status.backlog is None else str(status.backlog.total)
        theirs = f"theirs {self.target.replicas} pods (last set by {printable(manager)})"
        return f"now: ours {ours}, {theirs}; backlog {backlog}"

    def document(self) -> dict[str, Any]:
        """Return the same as JSON."""
        status = self.pool.status
        return {
            "backlog": status.backlog.total if status.backlog else None,
            "ours": status.desired_replicas,
            "theirs": self.target.replicas,
            "setBy": self.target.writer[0] if self.target.writer else None,
            "mode": self.pool.spec.mode,
        }


@click.command("compare")
@click.argument("pool", type=PoolName())
@cluster_options
@click.option("--prometheus", metavar="URL", default="", help="A Prometheus server that scrapes the operator.")
@click.option("--since", type=Duration(), default="3d", show_default=True, help="How far back it is asked.")
@click.option("--picture", type=click.Path(dir_okay=False), default="", help="Also draw it, into a file.svg.")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print.")
def compare_command(pool: NamespacedName, options: ClusterOptions, output: str, **asked: Any) -> None:
    """Compare the size that we recommend with the one that another autoscaler set.

    For a pool in mode DryRun beside KEDA or an HPA: without --prometheus as they are now, with it also over time. Each
    of our decisions started from the size that the other one had set.
    """
    url, picture = asked["prometheus"], asked["picture"]
    if picture and not picture.endswith(".svg"):
        raise click.UsageError(f"--picture {picture}: only SVG is drawn; name it .svg, which browsers show and convert")
    if picture and not url:
        raise click.UsageError("--picture needs --prometheus, which knows the past")
    with reported():
        key = options.pool(pool)
    with reported(key):
        live = asyncio.run(_live(options, key))
        comparison = _past(url, key, asked["since"]) if url else None
    _print(live, comparison, output)
    if picture and comparison:
        _draw(Path(picture), comparison, key)


def _print(live: _Live, comparison: Comparison | None, output: str) -> None:
    for warning in live.warnings:
        click.echo(f"warning: {warning}", err=True)
    if output == "json":
        past = comparison_document(comparison) if comparison else None
        click.echo(json.dumps({"now": live.document(), "past": past}, indent=2))
        return
    click.echo("\n".join([live.line(), *(comparison_lines(comparison) if comparison else ())]))


def _draw(path: Path, comparison: Comparison, key: NamespacedName) -> None:
    from queueworkerpool.show.picture import picture  # noqa: PLC0415 -- see the package's docstring

    try:
        path.write_text(picture(comparison, f"{key}: pods recommended and pods set"))
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error


async def _live(options: ClusterOptions, key: NamespacedName) -> _Live:
    from queueworkerpool.cluster import KubernetesCluster  # noqa: PLC0415 -- see the package's docstring

    cluster = KubernetesCluster(workers=1, login=options.login)
    try:
        pool = await cluster.pool(key)
        if isinstance(pool, InvalidPool):
            raise pool.error
        return _Live(pool, await cluster.target(pool.scale_target, pool.spec.scale_target_ref.api_version))
    finally:
        cluster.close()


def _past(url: str, key: NamespacedName, since: timedelta) -> Comparison:
    """Ask Prometheus for backlog, our size and theirs. Raises PrometheusError."""
    from queueworkerpool.prometheus import Prometheus  # noqa: PLC0415 -- see the package's docstring

    server, of_pool = Prometheus(url), f'{{namespace="{key.namespace}",pool="{key.name}"}}'
    per_pod, ours, theirs = (
        f"max(queueworkerpool_{name}{of_pool})" for name in ("backlog_per_pod", "desired_replicas", "current_replicas")
    )
    step = max(SHORTEST_STEP, timedelta(seconds=-(-since // timedelta(seconds=MOST_MOMENTS))))
    end = datetime.now(UTC).replace(microsecond=0)
    start = end - since // step * step
    # The metric is per pod asked for, and whole where there is none.
    queries = (f"{per_pod} * clamp_min({theirs}, 1)", ours, theirs)
    return aligned(start, end, step, [server.range(query, start, end, step) for query in queries])
