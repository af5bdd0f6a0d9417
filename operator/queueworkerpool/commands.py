"""The commands of `qwp` that need no cluster: they read files, and change nothing.

`__main__` adds them beside `qwp operator` and the commands of `cli`. What only one command needs is imported inside it:
everything at once would take seconds to start.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from queueworkerpool.errors import QueueWorkerPoolError, RulesUnavailableError
from queueworkerpool.names import GROUP, KIND
from queueworkerpool.show.text import escaped

if TYPE_CHECKING:
    from queueworkerpool.validate import Verdict

MAX_FILE_BYTES = 16 * 1024 * 1024
"""The largest file that is read; the API server takes 3 MiB in one request."""
MOST_ERRORS = 100
LONGEST_LINE = 2000
"""What is printed for people of one object, and of one error in characters."""


@click.command("validate")
@click.option(
    "-f",
    "--filename",
    "paths",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    required=True,
    multiple=True,
    help="File of manifests; - is standard input. May be given several times.",
)
@click.option("-o", "--output", type=click.Choice(("text", "json")), default="text", help="How to print.")
@click.pass_context
def validate_command(ctx: click.Context, paths: tuple[str, ...], output: str) -> None:
    """Check the pools in files as the API server would, and warn of what is doubtful; no cluster is needed.

    Exit code 0: every pool is valid (there may be warnings); 1: something is not; 2: wrong usage, or nothing can be
    checked by this installation.
    """
    require_rules()
    valid = [_validate_file(path, output) for path in paths]
    ctx.exit(0 if all(valid) else 1)


class NothingDoneError(click.ClickException):
    """Ends the command like wrong usage, for 1 would mean that a pool is invalid."""

    exit_code = click.UsageError.exit_code


def require_rules() -> None:
    """Raise a ClickException where the library of `qwp validate` is missing, before any file is called invalid."""
    try:
        import queueworkerpool.validate.rules  # noqa: F401, PLC0415 -- see the module's docstring
    except RulesUnavailableError as error:
        raise NothingDoneError(str(error)) from error


def _validate_file(path: str, output: str) -> bool:
    """Print the verdicts on a file, as lines or as one JSON document; return whether all in it is valid."""
    from queueworkerpool.validate import validate  # noqa: PLC0415 -- see the module's docstring

    name = "<stdin>" if path == "-" else path
    try:
        verdicts = validate(text_of(path), datetime.now(UTC))
    except (OSError, QueueWorkerPoolError) as error:
        click.ClickException(f"{name}: {error}").show()
        return False
    if output == "json":
        click.echo(json.dumps({"file": name, "objects": [_as_json(verdict) for verdict in verdicts]}, indent=2))
    else:
        for line in (line for verdict in verdicts for line in _as_text(verdict)):
            click.echo(_shortened(f"{name}: {line}"))
    return not any(verdict.errors for verdict in verdicts)


def text_of(path: str) -> str:
    """Read a file. Raises OSError, and DocumentBrokenError for what is too large or not text."""
    from queueworkerpool.validate import DocumentBrokenError  # noqa: PLC0415 -- see the module's docstring

    with click.open_file(path, "rb") as file:
        raw: bytes = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise DocumentBrokenError(f"it is larger than {MAX_FILE_BYTES // 2**20} MiB; split it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentBrokenError(f"it is not UTF-8 from byte {error.start} on; save it as UTF-8") from error


def _as_text(verdict: "Verdict") -> Iterator[str]:
    named = f'{verdict.kind} "{verdict.key.name}": ' if verdict.kind else ""
    if verdict.skipped:
        yield f"{named}skipped, for only {KIND}s of {GROUP} are validated"
        return
    for problem in verdict.errors[:MOST_ERRORS]:
        yield f"{named}{problem.field}: {problem.message}" if problem.field else f"{named}{problem.message}"
    if len(verdict.errors) > MOST_ERRORS:
        yield f"{named}and {len(verdict.errors) - MOST_ERRORS} more errors; -o json has them all"
    for warning in verdict.warnings:
        yield f"{named}warning: {warning.field}: {warning.message}"
    for queue in verdict.queues:
        if not queue.is_plain:
            where = queue.region or "the operator's own region"
            yield f"{named}queue {queue.name} is asked for in {where}"
    if not verdict.errors:
        yield f"{named}valid"


def _shortened(line: str) -> str:
    """Return a line that a terminal can take; what is cut off is in the JSON."""
    safe = escaped(line[:LONGEST_LINE])
    return safe if len(line) <= LONGEST_LINE else f"{safe} ... ({len(line)} characters; -o json has them all)"


def _as_json(verdict: "Verdict") -> dict[str, Any]:
    return {
        "kind": verdict.kind,
        "namespace": verdict.key.namespace,
        "name": verdict.key.name,
        "line": verdict.line,
        "result": "skipped" if verdict.skipped else "invalid" if verdict.errors else "valid",
        "errors": [{"field": problem.field, "message": problem.message} for problem in verdict.errors],
        "queues": [queue.as_document() for queue in verdict.queues],
        "warnings": [{"field": warning.field, "message": warning.message} for warning in verdict.warnings],
    }
