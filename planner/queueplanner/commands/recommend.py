"""`qwp recommend`: which settings of a pool keep a promise at the least cost."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from queueplanner.commands import written
from queueplanner.commands.judgement_options import judgement_options
from queueplanner.commands.load_options import load_options
from queueplanner.commands.parameters import Span, Whole
from queueplanner.commands.sections import Section, SectionCommand
from queueplanner.commands.work_options import work_options

if TYPE_CHECKING:
    from queueplanner.commands.recommending import Recommendation

PROMISE = Section("Promise, one of these")
POOL = Section("Pool")
JUDGEMENT = Section("How it is searched and judged")
OUTPUT = Section("Output")
INTERRUPTED = 130
SHARES = ("p50", "p95", "p99")
KEEP = (
    "target",
    "minReplicas",
    "activeMinReplicas",
    "schedules",
    "stabilizationWindowSeconds",
    "scaleToZeroAfterSeconds",
    "pollSeconds",
)
"""Fields that are searched over, by name."""


@click.command(
    "recommend",
    cls=SectionCommand,
    context_settings={"max_content_width": 100},
    epilog="""\b
Example: 99 of 100 messages begun within a minute, at two per second over a day, ten seconds each:
  qwp recommend --p99 60s --shape daily:mean_per_second=2 --service 10s~0.5 -f pool.yaml
""",
)
@PROMISE.option("--p99", type=Span(zero=False), help="99 of 100 messages wait no longer, from sent to begun.")
@PROMISE.option("--p95", type=Span(zero=False), help="95 of 100 messages wait no longer.")
@PROMISE.option("--p50", type=Span(zero=False), help="Half of the messages wait no longer.")
@POOL.option(
    "-f",
    "--filename",
    "paths",
    metavar="FILE",
    multiple=True,
    help="The pool as it is, and its workload; - is standard input. Other fields stay. May be given several times.",
)
@POOL.option("--name", metavar="NAME", help="Of a new pool and its Deployment; with -f, which of several pools.")
@POOL.option("--queue-url", metavar="URL", help="Of a new pool's queue.")
@POOL.option(
    "--max-pods",
    type=Whole(1, 100_000),
    help="The most pods that there may be. Default: the pool's maxReplicas; of a new one, as many as help.",
)
@POOL.option(
    "--keep",
    type=click.Choice(KEEP),
    metavar="FIELD",
    multiple=True,
    help=f"A field that stays as it is, one of {', '.join(KEEP)}. May be given several times.",
)
@load_options
@work_options
@judgement_options(JUDGEMENT)
@OUTPUT.option(
    "-o",
    "--output",
    type=click.Choice(("text", "yaml", "json")),
    default="text",
    help="text and json have all of it; yaml is the manifest, for kubectl apply.",
)
@OUTPUT.option(
    "--picture",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Also draw what other promises would cost, into a file.png or file.svg.",
)
@click.pass_context
def recommend_command(ctx: click.Context, /, output: str, picture: Path | None, **given: Any) -> None:
    """Find the settings of a pool that keep a promise at the least cost, and print the manifest to apply.

    It plays hundreds of settings over one part of the load, by the operator's own code, and the best on the rest. It
    says what other promises would cost, and which wrong assumption would change the answer most.

    Exit code 0: the promise is kept; 1: nothing keeps it, and the best there is is printed; 2: wrong usage.
    """
    from queueplanner.commands.recommending import Request, ask  # noqa: PLC0415 -- see the package's docstring

    request = Request(slo=_slo({share: given.pop(share) for share in SHARES}), **given)
    if output == "yaml" and not request.names_pool:
        raise click.UsageError("-o yaml: give -f FILE, or --name and --queue-url: else it would name no pool of yours")
    draw = written.picture(picture, partial(_draw, picture)) if picture else None
    try:
        found = ask(request)
    except KeyboardInterrupt:
        ctx.exit(INTERRUPTED)
    _print(found, output)
    if draw:
        draw(found)
    ctx.exit(0 if found.answer.is_kept else 1)


def _slo(given: dict[str, float | None]) -> Any:
    from queueplanner.recommend import Slo  # noqa: PLC0415 -- see the package's docstring

    promises = {share: value for share, value in given.items() if value is not None}
    if len(promises) != 1:
        raise click.UsageError("say what is promised, once: --p99 60s, --p95 30s or --p50 5s")
    [(share, value)] = promises.items()
    return Slo(value, share)  # type: ignore[arg-type] # one of SHARES


def _draw(path: Path, found: "Recommendation") -> None:
    from queueplanner.commands.answers import points  # noqa: PLC0415 -- see the package's docstring
    from queueplanner.report.pictures import draw_frontier  # noqa: PLC0415 -- the same

    draw_frontier(points(found.answer), path, f"{found.answer.slo.share} of the wait")


def _print(found: "Recommendation", output: str) -> None:
    from queueplanner.commands import answers  # noqa: PLC0415 -- see the package's docstring

    if output == "json":
        click.echo(json.dumps(answers.document(found), indent=2))
    elif output == "yaml":
        click.echo(answers.manifest(found), nl=False)
    else:
        click.echo("\n".join(answers.lines(found)))
