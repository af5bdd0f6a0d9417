"""The command `qwp import`: manifests of pools to standard output, what is to be said of them to standard error.

It reads files, or the cluster as the user who calls it, and changes nothing. `importing` does the work.
"""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from queueworkerpool.cli.failures import reported
from queueworkerpool.cli.options import ClusterOptions, all_namespaces, cluster_options
from queueworkerpool.commands import NothingDoneError, require_rules, text_of
from queueworkerpool.errors import ImportUnavailableError, QueueWorkerPoolError
from queueworkerpool.show.text import printable

if TYPE_CHECKING:
    from queueworkerpool.importing import Imported, SourceObject


@click.command("import")
@click.option(
    "-f",
    "--filename",
    "paths",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    multiple=True,
    help="File of manifests; - is standard input. May be given several times.",
)
@click.option("--from-cluster", is_flag=True, help="Import what is in the cluster, and change nothing.")
@cluster_options
@all_namespaces
@click.option(
    "--mode",
    type=click.Choice(("", "Active", "DryRun", "Paused")),
    default="",
    metavar="[Active|DryRun|Paused]",
    help="The mode of every pool.",
)
@click.option("--queues-at", default="", help="URL below which queues are that are only named: https://HOST/ACCOUNT.")
@click.option("--strict", is_flag=True, help="End with 1 also when a field is not carried over as it was.")
@click.pass_context
def import_command(ctx: click.Context, /, paths: tuple[str, ...], mode: str, queues_at: str, **given: Any) -> None:
    """Make QueueWorkerPools of KEDA's ScaledObjects, HPAs on SQS metrics, and WorkerPodAutoScalers.

    The pools go to standard output, as `qwp validate` accepts them; objects of other kinds do not. What is not carried
    over as it was is said on standard error, and beside the pool. Exit code 0: every autoscaler of SQS became a pool;
    1: one did not, or there is none; 2: wrong usage.
    """
    _require_libraries()
    from queueworkerpool.importing import Options, convert  # noqa: PLC0415 -- only this command pays for it

    if not paths and not given["from_cluster"]:
        raise click.UsageError("say what to import: -f FILE, where - is standard input, or --from-cluster")
    texts = [(name, text) for path in paths if (text := _text_of(path, name := _name(path))) is not None]
    options: ClusterOptions = given["options"]
    cluster = _objects_of_cluster(options, everywhere=given["everywhere"]) if given["from_cluster"] else ([], True)
    objects, is_whole = cluster
    imported = convert(texts, objects, Options(mode, queues_at), datetime.now(UTC))
    _print(imported)
    ctx.exit(0 if is_whole and len(texts) == len(paths) and _is_good(imported, strict=given["strict"]) else 1)


def _objects_of_cluster(options: ClusterOptions, *, everywhere: bool) -> "tuple[list[SourceObject], bool]":
    """Return what the namespace holds, or all of them do, and whether every kind could be listed.

    Raises a ClickException without an answer.
    """
    from queueworkerpool.cluster.autoscalers import list_autoscalers  # noqa: PLC0415 -- only for --from-cluster
    from queueworkerpool.importing import SourceObject  # noqa: PLC0415 -- as above

    with reported():
        listing = asyncio.run(list_autoscalers("" if everywhere else options.place(), options.login))
    for refusal in listing.refusals:
        click.echo(printable(f"cluster: {refusal}"), err=True)
    return [SourceObject("cluster", each) for each in listing.objects], not listing.refusals


def _name(path: str) -> str:
    return "<stdin>" if path == "-" else path


def _text_of(path: str, name: str) -> str | None:
    """Return a file's text; None after saying why it cannot be read."""
    try:
        return text_of(path)
    except (OSError, QueueWorkerPoolError) as error:
        click.echo(printable(f"{name}: {error}"), err=True)
        return None


def _require_libraries() -> None:
    """Raise a ClickException where a library is missing that this command needs."""
    require_rules()
    try:
        import queueworkerpool.importing.manifests  # noqa: F401, PLC0415 -- for this command alone
    except ImportUnavailableError as error:
        raise NothingDoneError(str(error)) from error


def _print(imported: "Imported") -> None:
    for text in imported.manifests:
        click.echo(text, nl=False)
    for remark in (*imported.refusals, *imported.notes):
        click.echo(printable(str(remark)), err=True)
    if not imported.manifests and not imported.refusals:
        click.echo("nothing was imported: there is no ScaledObject, HPA on SQS or WorkerPodAutoScaler", err=True)


def _is_good(imported: "Imported", *, strict: bool) -> bool:
    return bool(imported.manifests) and not imported.refusals and not (strict and imported.notes)
