"""The commands of `qwp` for people: they read the cluster as the user who calls them, and change nothing.

`__main__` puts them beside `qwp operator`.
"""

import asyncio
import json
import time
from datetime import UTC, datetime

import click

from queueworkerpool.cluster import KubernetesCluster
from queueworkerpool.errors import QueueWorkerPoolError
from queueworkerpool.explain import Explanation, as_document, as_lines, explain, told_facts
from queueworkerpool.model import Key


class PoolName(click.ParamType[Key]):
    """NAMESPACE/POOL."""

    name = "NAMESPACE/POOL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Key:
        """Split it; fails when it is not two names with a slash between them."""
        namespace, slash, name = value.partition("/")
        if not (namespace and slash and name) or "/" in name:
            self.fail(f"{value!r}: write it as NAMESPACE/POOL, such as default/thumbnails", param, ctx)
        return Key(namespace, name)


@click.command("explain")
@click.argument("pool", type=PoolName())
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print.")
@click.option("--watch", is_flag=True, help="Explain anew after each reading, until Ctrl-C.")
def explain_command(pool: Key, output: str, *, watch: bool) -> None:
    """Tell why a pool has its size, what limits it, and until when."""
    while True:
        try:
            told = asyncio.run(_explained(pool))
        except QueueWorkerPoolError as error:
            raise click.ClickException(f"{pool}: {error}") from error
        click.echo(json.dumps(as_document(told), indent=2) if output == "json" else "\n".join(as_lines(told)))
        if not watch:
            return
        time.sleep(told.next_reading_seconds or 5)
        click.echo()


async def _explained(key: Key) -> Explanation:
    cluster = KubernetesCluster(workers=1)
    try:
        pool = await cluster.pool(key)
        if isinstance(pool.spec, Exception):
            raise pool.spec
        target = await cluster.target(Key(key.namespace, pool.spec.deployment))
        return explain(told_facts(pool, target, datetime.now(UTC)))
    finally:
        cluster.close()
