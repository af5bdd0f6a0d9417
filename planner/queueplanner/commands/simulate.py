"""`qwp simulate`: plays a load through pools and through other autoscalers, and compares what comes of it."""

import json
import shlex
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from queueplanner.commands import documents, tables, written
from queueplanner.commands.judgement_options import judgement_options
from queueplanner.commands.load_options import load_options
from queueplanner.commands.modes import AUTO, MODES
from queueplanner.commands.parameters import Span, Whole
from queueplanner.commands.sections import Section, SectionCommand
from queueplanner.commands.work_options import work_options
from queueplanner.results import Comparison

if TYPE_CHECKING:
    from queueplanner.commands.comparing import Compared

POLICIES = Section("Policies, one or more")
JUDGEMENT = Section("How it is played and judged")
OUTPUT = Section("Output")
INTERRUPTED = 130


def _list_rivals(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click's signature
    if value:
        from queueplanner.presets import RIVALS  # noqa: PLC0415 -- see the package's docstring

        click.echo("\n".join(f"{name}: {rival.what}" for name, rival in RIVALS.items()))
        ctx.exit()


@click.command(
    "simulate",
    cls=SectionCommand,
    context_settings={"max_content_width": 100},
    epilog="""\b
Examples: a day of two messages per second, ten seconds each, through a pool and KEDA's defaults;
the last week of a queue, through a pool and the ScaledObject that it has now:
  qwp simulate -f pool.yaml --rival keda --shape daily:mean_per_second=2 --service 10s~0.5 --slo 60s
  qwp simulate -f pool.yaml -f keda.yaml --from-cloudwatch orders --since 7d --service 10s~0.5
""",
)
@POLICIES.option(
    "-f",
    "--filename",
    "paths",
    metavar="FILE",
    multiple=True,
    help="Manifests of policies, and of the workload; - is standard input. May be given several times.",
)
@POLICIES.option("--rival", "rivals", metavar="NAME[,NAME]", multiple=True, help="What people use instead.")
@POLICIES.option(
    "--rivals",
    "listed",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_list_rivals,
    help="List the names that --rival takes, and end.",
)
@POLICIES.option(
    "--max-pods",
    type=Whole(1, 100_000),
    help="The most pods of rivals. Default: the manifests' most, else 100.",
)
@load_options
@work_options
@JUDGEMENT.option("--slo", type=Span(zero=False), help="How long a message may wait.")
@judgement_options(JUDGEMENT, processes=1)
@JUDGEMENT.option(
    "--mode",
    type=click.Choice(MODES),
    default=AUTO,
    help="Message by message (exact), or in groups (aggregated), as loads of more than 3 million are if nobody says.",
)
@JUDGEMENT.option(
    "--runs",
    type=Whole(1, 1000),
    default=1,
    help="Runs, each with its own seed.",
)
@OUTPUT.option("-o", "--output", type=click.Choice(("table", "json", "csv")), default="table", help="How to print.")
@OUTPUT.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also draw the first run of each policy, into a file.png or file.svg.",
)
@OUTPUT.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write a page of the first run of each policy, which needs no network.",
)
@click.pass_context
def simulate_command(ctx: click.Context, /, output: str, picture: Path | None, html: Path | None, **given: Any) -> None:
    """Play a load through pools and through other autoscalers, and compare what comes of it.

    Pools decide by the operator's own code, with the defaults of their definition; nothing has to be installed in a
    cluster. Every policy gets the same messages. Times are written as 10s, 5m, 2h or 7d.

    Exit code 0: it was played; 2: wrong usage, or a manifest that cannot be played.
    """
    from queueplanner.commands.comparing import Request, compare  # noqa: PLC0415 -- see the package's docstring

    files = [written.picture(picture, partial(_draw, picture))] if picture else []
    files += [written.file("--html", html, partial(_page, html))] if html else []
    try:
        compared = compare(Request(**given), keep=bool(files))
        _print(compared.comparison, output)
        for write in files:
            write(compared)
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)


def _draw(path: Path, compared: "Compared") -> None:
    from queueplanner.report.pictures import draw  # noqa: PLC0415 -- see the package's docstring

    draw(compared.played, path)


def _page(path: Path, compared: "Compared") -> None:
    from queueplanner.report.page import About, page  # noqa: PLC0415 -- see the package's docstring

    command = shlex.join(["qwp", *sys.argv[1:]])
    page(compared.comparison, compared.played, About(command, version("queueworkerpool"), compared.scenario), path)


def _print(comparison: Comparison, output: str) -> None:
    if output == "json":
        click.echo(json.dumps(documents.document(comparison), indent=2))
    elif output == "csv":
        click.echo(documents.rows(comparison), nl=False)
    else:
        click.echo("\n".join(tables.lines(comparison)))
