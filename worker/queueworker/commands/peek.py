"""`queueworker peek`: shows messages of a queue and leaves them there. `group` loads it."""

import sys
import time
from collections.abc import Iterable

import click

from queueaddress import is_fifo
from queueworker.commands.manual import (
    FILTER_HELP,
    check_url,
    explained,
    failures_as_exit_codes,
    open_pause,
    open_queue,
    refuse_last_receives,
)
from queueworker.model import QueueStatus, StoredMessage
from queueworker.sqs import WorkerCredentials
from queueworker.tools.filters import parse_filters
from queueworker.tools.held import HeldMessages
from queueworker.tools.peek import Peek, Seen, sentences
from queueworker.tools.shown import as_json, as_text, terminal_width

VISIBILITY_SECONDS = 10
RIGHTS = (
    "peek needs sqs:GetQueueAttributes, sqs:ReceiveMessage and, to show messages to others again at once,"
    " sqs:ChangeMessageVisibility on the queue"
)


@click.command()
@click.option("--queue", "url", required=True, callback=check_url, help="URL of the queue.")
@click.option("--max", "limit", type=click.IntRange(min=1), default=10, show_default=True, help="Messages to show.")
@click.option("--filter", "expressions", multiple=True, help=FILTER_HELP)
@click.option(
    "-o",
    "--output",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="text: for people, long bodies cut. json: a JSON object per line, whole.",
)
@click.option("--force", is_flag=True, help="Look, although that takes a message's only receive.")
def peek(url: str, limit: int, expressions: tuple[str, ...], output: str, *, force: bool) -> None:
    """Show messages of a queue, and leave them there.

    SQS shows a message only to those who receive it: each look raises the receive count of what it receives by one, and
    hides it until the look ends; in a FIFO queue the groups of these messages wait as long. Messages in flight and
    delayed ones are counted, not shown.

    Exit code 0: done; 1: SQS failed; 2: wrong usage, or the redrive policy lets a message be received only once;
    74 and 141: see `queueworker --help`.
    """
    with failures_as_exit_codes(RIGHTS):
        queue = open_queue(url, WorkerCredentials(), VISIBILITY_SECONDS)
        status = queue.status()
        refuse_last_receives(status, force=force)
        filters = parse_filters(expressions, status.read_at)
        look = Peek(HeldMessages(queue, VISIBILITY_SECONDS, time.monotonic), filters, limit, open_pause())
        try:
            _show(look.messages(status.max_receive_count), output)
        finally:  # also when what is shown cannot be written: the look is over, and has cost what it has cost
            seen = look.finish()
            _report(seen, status, fifo=is_fifo(url))
    sys.exit(int(seen.failure is not None or bool(seen.unconfirmed)))


def _show(found: Iterable[StoredMessage], output: str) -> None:
    for stored in found:
        lines = [as_json(stored)] if output == "json" else as_text(stored, time.time(), terminal_width())
        click.echo("\n".join(lines))


def _report(seen: Seen, status: QueueStatus, *, fifo: bool) -> None:
    for sentence in sentences(seen, status, VISIBILITY_SECONDS):
        click.echo(sentence, err=True)
    if fifo and seen.looked_at:
        click.echo("the groups of these messages waited meanwhile", err=True)
    if seen.failure is not None:
        click.echo(f"Error: {explained(seen.failure, RIGHTS)}", err=True)
