"""`qwp list`: all pools, how large they are, how large they should be, and why."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from queueworkerpool.cli.failures import reported
from queueworkerpool.cli.options import ClusterOptions, all_namespaces, cluster_options
from queueworkerpool.errors import ClusterRefusedError
from queueworkerpool.show.pools import pool_document, pool_lines

if TYPE_CHECKING:
    from queueworkerpool.model import StoredPool

WATCH_SECONDS = 5
"""How often `--watch` lists anew: pools are read as often by default."""

_HOME_AND_CLEAR = "\x1b[H\x1b[J"


@click.command("list")
@cluster_options
@all_namespaces
@click.option("-o", "--output", type=click.Choice(("text", "wide", "json")), default="text", help="How to print.")
@click.option("-w", "--watch", is_flag=True, help="List anew every 5 s; on a terminal in place, else what has changed.")
def list_command(options: ClusterOptions, output: str, *, everywhere: bool, watch: bool) -> None:
    """List pools: pods asked for and ready, pods desired and recommended, backlog, pods that wait, and the reason.

    RECOMMENDED is what the load needs, DESIRED the same within all limits, WAITING the pods that would go if their
    workers were idle.
    """
    with reported():
        place = "" if everywhere else options.place()
        table = _Table(namespaces=everywhere, wide=output == "wide", json=output == "json")
        for pools in _rounds(options, place, watch=watch):
            table.show(pools, watch=watch)
            if not pools and not table.json:
                click.echo(_nothing(place), err=True)


def _rounds(options: ClusterOptions, place: str, *, watch: bool) -> "Iterator[Sequence[StoredPool]]":
    """Yield what a list finds, once or every few seconds."""
    from queueworkerpool.cluster import ClusterReader  # noqa: PLC0415 -- see the package's docstring

    reader = ClusterReader(options.login)
    try:
        yield asyncio.run(reader.pools(place))
        while watch:
            time.sleep(WATCH_SECONDS)
            yield asyncio.run(reader.pools(place))
    except ClusterRefusedError as error:
        remedy = "" if place else "; name one namespace with -n"
        raise ClusterRefusedError(f"{error}{remedy}") from error
    finally:
        reader.close()


class _Table:
    """Prints lists one after the other: each in place of the one before, or only the lines that are new."""

    def __init__(self, *, namespaces: bool, wide: bool, json: bool) -> None:
        self.json = json
        self._columns: dict[str, bool] = {"namespaces": namespaces, "wide": wide}
        self._printed: frozenset[str] = frozenset()

    def show(self, pools: "Sequence[StoredPool]", *, watch: bool) -> None:
        """Print one list."""
        now = datetime.now(UTC)
        facts = [json.dumps(pool_document(pool, now)) for pool in pools]
        if self.json and watch:
            self._print_new(facts, facts)
        elif self.json:
            click.echo(json.dumps({"pools": [pool_document(pool, now) for pool in pools]}, indent=2))
        else:
            self._show_text(facts, pool_lines(pools, now, **self._columns) if pools else [], watch=watch)

    def _show_text(self, facts: Sequence[str], lines: Sequence[str], *, watch: bool) -> None:
        if watch and _is_terminal():
            click.echo(_HOME_AND_CLEAR + "\n".join(_fitted(lines)), color=True, nl=bool(lines))
        elif watch:
            self._print_new(["head", *facts][: len(lines)], lines)
        elif lines:
            click.echo("\n".join(lines))

    def _print_new(self, facts: Sequence[str], lines: Sequence[str]) -> None:
        """Print the lines whose facts were not among the last: ages alone are no news."""
        for fact, line in zip(facts, lines, strict=True):
            if fact not in self._printed:
                click.echo(line)
        self._printed = frozenset(facts)


def _nothing(place: str) -> str:
    return f"no pools found in namespace {place}; -A lists those of all" if place else "no pools found in any namespace"


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _fitted(lines: Sequence[str]) -> list[str]:
    """Return the lines that fit on the terminal, and how many do not."""
    width, height = shutil.get_terminal_size()
    room = max(0, height - 2)  # the last line, and the cursor's
    fitting = list(lines) if len(lines) <= room + 1 else [*lines[:room], f"… and {len(lines) - room} more"]
    return [line[:width] for line in fitting]
