"""`qwp explain`: why a pool has its size."""

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from queueworkerpool.cli.failures import reported
from queueworkerpool.cli.options import ClusterOptions, PoolName, cluster_options
from queueworkerpool.model import InvalidPool, NamespacedName
from queueworkerpool.show.text import printable

if TYPE_CHECKING:
    from queueworkerpool.explain import Explanation


@click.command("explain")
@click.argument("pool", type=PoolName())
@cluster_options
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print.")
@click.option("-w", "--watch", is_flag=True, help="Explain anew after each pollSeconds, until Ctrl-C.")
def explain_command(pool: NamespacedName, options: ClusterOptions, output: str, *, watch: bool) -> None:
    """Say why a pool has its size, what limits it, and until when."""
    from queueworkerpool.explain import as_document, as_lines  # noqa: PLC0415 -- see the package's docstring

    with reported():
        key = options.pool(pool)
    while True:
        with reported(key):
            explanation = asyncio.run(_explanation(options, key))
        if output == "json":
            click.echo(json.dumps(as_document(explanation), indent=2))
        else:
            click.echo("\n".join(map(printable, as_lines(explanation))))
        if not watch:
            return
        time.sleep(explanation.facts.spec.poll_seconds)
        click.echo()


async def _explanation(options: ClusterOptions, key: NamespacedName) -> "Explanation":
    from queueworkerpool.cluster import KubernetesCluster  # noqa: PLC0415 -- see the package's docstring
    from queueworkerpool.explain import explain  # noqa: PLC0415 -- as above

    cluster = KubernetesCluster(workers=1, login=options.login)
    try:
        pool = await cluster.pool(key)
        if isinstance(pool, InvalidPool):
            raise pool.error
        return explain(
            pool, await cluster.target(pool.scale_target, pool.spec.scale_target_ref.api_version), datetime.now(UTC)
        )
    finally:
        cluster.close()
