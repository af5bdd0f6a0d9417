"""`qwp history`: the last changes of a pool's size, from Events and status."""

import asyncio
import json
from typing import TYPE_CHECKING

import click

from queueworkerpool.cli.failures import reported
from queueworkerpool.cli.options import ClusterOptions, PoolName, cluster_options
from queueworkerpool.errors import ClusterRefusedError
from queueworkerpool.model import NamespacedName
from queueworkerpool.show.history import EVENTS_LIVE, history, history_document, history_lines

if TYPE_CHECKING:
    from queueworkerpool.model import PoolStatus, RecordedEvent


@click.command("history")
@click.argument("pool", type=PoolName())
@cluster_options
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print.")
def history_command(pool: NamespacedName, options: ClusterOptions, output: str) -> None:
    """Say what happened to a pool: changes of its size with their reasons, and since when its conditions hold.

    Changes come from Events, which Kubernetes keeps for an hour by default; the rest is in the pool's status.
    """
    with reported():
        key = options.pool(pool)
    with reported(key):
        status, events = asyncio.run(_read(options, key))
    note = EVENTS_LIVE if isinstance(events, list) else f"Events are not shown, for you may not list them: {events}"
    entries = history(status, events if isinstance(events, list) else ())
    if output == "json":
        click.echo(json.dumps(history_document(status, entries), indent=2))
    else:
        click.echo("\n".join(history_lines(status, entries)))
    click.echo(note, err=True)


async def _read(
    options: ClusterOptions, key: NamespacedName
) -> "tuple[PoolStatus, list[RecordedEvent] | ClusterRefusedError]":
    """Return a pool's status and its Events, or why those may not be read. Raises ClusterError."""
    from queueworkerpool.cluster import ClusterReader, KubernetesCluster  # noqa: PLC0415 -- see the package's docstring

    cluster, reader = KubernetesCluster(workers=1, login=options.login), ClusterReader(options.login)
    try:
        pool = await cluster.pool(key)
        try:
            return pool.status, await reader.events(pool)
        except ClusterRefusedError as error:  # as for the operator's own role: the status alone is worth showing
            return pool.status, error
    finally:
        cluster.close()
        reader.close()
