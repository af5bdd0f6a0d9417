"""`queueworker redrive`: moves messages from a dead-letter queue back to where they came from. `group` loads it."""

import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from queueworker.commands.manual import (
    FILTER_HELP,
    check_url,
    explained,
    failures_as_exit_codes,
    open_pause,
    open_queue,
    refuse_last_receives,
)
from queueworker.sqs import WorkerCredentials
from queueworker.sqs.inspection import InspectedQueue, SqsTargetQueue
from queueworker.tools.filters import parse_filters
from queueworker.tools.held import HeldMessages
from queueworker.tools.outcome import Outcome, sentences
from queueworker.tools.pacing import TokenBucket
from queueworker.tools.progress import Progress
from queueworker.tools.redrive import Plan, Redrive, RedriveContext
from queueworker.tools.routes import Routes, routes_for
from queueworker.tools.shown import as_text, terminal_width

VISIBILITY_SECONDS = 60
RIGHTS = (
    "redrive needs sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:ChangeMessageVisibility and sqs:DeleteMessage on the"
    " queue of --from, there also sqs:ListDeadLetterSourceQueues without --to, and sqs:SendMessage where messages go"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The flags."""

    source: str
    target: str | None
    expressions: tuple[str, ...]
    rate: float | None
    limit: int | None
    dry_run: bool
    force: bool


@click.command()
@click.option(
    "--from", "source", required=True, callback=check_url, help="URL of the dead-letter queue that messages leave."
)
@click.option(
    "--to",
    "target",
    callback=check_url,
    help="URL of the queue that they go to. Without it: the queue that each came from, by SQS's own record of it, or"
    " the only queue whose redrive policy names this dead-letter queue.",
)
@click.option("--filter", "expressions", multiple=True, help=FILTER_HELP)
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Messages per second, at most.")
@click.option("--max", "limit", type=click.IntRange(min=1), help="Messages to move, at most.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say how many would be moved and show some; change nothing else than that each has been received once more.",
)
@click.option("--force", is_flag=True, help="Receive, although that takes a message's only receive.")
def redrive(**flags: Any) -> None:
    """Move messages from a dead-letter queue back: send a copy of each, and delete it after SQS has confirmed that.

    No message is lost; one may be sent twice if this is killed. Messages that came after the start are left, so that
    what fails again does not go round in circles. On Ctrl-C all that is in hand is settled first.

    Exit code 0: all that was meant is moved; 1: something is left, with a sentence for each reason; 2: wrong usage;
    74 and 141: all in hand is settled, and the summary cannot be written, see `queueworker --help`.
    """
    options, clock = Options(**flags), time.monotonic
    with failures_as_exit_codes(RIGHTS):
        credentials = WorkerCredentials()
        queue = open_queue(options.source, credentials, VISIBILITY_SECONDS)
        plan = _plan(queue, options)
        context = RedriveContext(
            held=HeldMessages(queue, VISIBILITY_SECONDS, clock),
            open_target=partial(SqsTargetQueue, credentials=credentials),
            bucket=TokenBucket(options.rate, clock()) if options.rate else None,
            pause=open_pause(),
            clock=clock,
            progress=Progress(sys.stderr, clock),
        )
        run = Redrive(plan, context)
        outcome = run.run()
    _report(run, outcome, dry_run=options.dry_run)
    sys.exit(outcome.exit_code)


def _plan(queue: InspectedQueue, options: Options) -> Plan:
    status = queue.status()
    refuse_last_receives(status, force=options.force)
    return Plan(
        filters=parse_filters(options.expressions, status.read_at),
        routes=_routes(queue, options.source, options.target),
        limit=options.limit,
        dry_run=options.dry_run,
        started_at=status.read_at,
        expected=status.messages,
    )


def _routes(queue: InspectedQueue, source: str, target: str | None) -> Routes:
    return routes_for(target, source, () if target else queue.dead_letter_sources())


def _report(run: Redrive, outcome: Outcome, *, dry_run: bool) -> None:
    try:
        _print_summary(run, outcome, dry_run=dry_run)
    finally:  # also when the summary cannot be written
        if outcome.failure is not None:
            click.echo(f"Error: {explained(outcome.failure, RIGHTS)}", err=True)


def _print_summary(run: Redrive, outcome: Outcome, *, dry_run: bool) -> None:
    for stored in run.samples if dry_run else ():
        click.echo("\n".join(as_text(stored, time.time(), terminal_width())))
    for sentence in sentences(outcome, dry_run=dry_run, seconds=run.seconds, visibility_seconds=VISIBILITY_SECONDS):
        click.echo(sentence)
