"""`qwp version`: the versions of client, operators and custom resource definition."""

import asyncio
import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from queueworkerpool.cli.failures import reported
from queueworkerpool.cli.options import ClusterOptions, cluster_options
from queueworkerpool.errors import ClusterRefusedError
from queueworkerpool.show.versions import Versions, version_document, version_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkerpool.cluster import ClusterReader
    from queueworkerpool.model import InstalledOperator


@click.command("version")
@cluster_options
@click.option("--client", "client_only", is_flag=True, help="This client's version alone; no cluster is asked.")
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print.")
def version_command(options: ClusterOptions, output: str, *, client_only: bool) -> None:
    """Say which versions are in use: client, operators, custom resource definition; and warn where they differ.

    Operators are looked for in all namespaces, or in that of --namespace.
    """
    own = version("queueworkerpool")
    if client_only:
        click.echo(json.dumps({"client": own}, indent=2) if output == "json" else f"client: {own}")
        return
    with reported():
        versions = asyncio.run(_versions(options, own))
    click.echo(
        json.dumps(version_document(versions), indent=2) if output == "json" else "\n".join(version_lines(versions))
    )


async def _versions(options: ClusterOptions, own: str) -> Versions:
    from queueworkerpool.cluster import ClusterReader  # noqa: PLC0415 -- see the package's docstring

    reader = ClusterReader(options.login)
    try:
        definition, refusal = await _definition(reader)
        return Versions(own, await _operators(reader, options.namespace), definition, refusal)
    finally:
        reader.close()


async def _operators(reader: "ClusterReader", namespace: str) -> "Sequence[InstalledOperator] | str":
    try:
        return await reader.operators(namespace)
    except ClusterRefusedError as error:
        return str(error)


async def _definition(reader: "ClusterReader") -> tuple[str | None, str]:
    try:
        return await reader.definition_version(), ""
    except ClusterRefusedError as error:
        return None, str(error)
