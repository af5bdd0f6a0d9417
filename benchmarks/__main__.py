"""`python -m benchmarks`: runs benchmarks, writes JSON, prints a table, exits with 1 when a limit is missed."""

import sys
from pathlib import Path
from typing import Any

import click

from benchmarks import result
from benchmarks.registry import BENCHES, by_default, with_option
from benchmarks.runner import run
from devcluster import UnavailableError

_NOT_BY_DEFAULT = ", ".join(name for name in BENCHES if name not in by_default())


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"Measure what operator and worker promise: BENCHES, by default all but {_NOT_BY_DEFAULT}.",
)
@click.argument("benches", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--rounds", default=3, show_default=True, help=f"Rounds of {', '.join(with_option('rounds'))}.")
@click.option("--pools", default=1000, show_default=True, help=f"Pools of {', '.join(with_option('pools'))}.")
@click.option("--workers", default=10, show_default=True, help=f"Workers of {', '.join(with_option('workers'))}.")
@click.option("--seconds", default=300.0, show_default=True, help=f"Length of {', '.join(with_option('seconds'))}.")
@click.option(
    "--seed", default=15, show_default=True, help=f"Chooses what happens in {', '.join(with_option('seed'))}."
)
@click.option("--seeds", default=4, show_default=True, help=f"Runs of each load of {', '.join(with_option('seeds'))}.")
@click.option(
    "--startups",
    multiple=True,
    default=(20.0,),
    show_default=True,
    help=f"Start-up times in {', '.join(with_option('startups'))}, in seconds; several times: each of them.",
)
@click.option(
    "--ages",
    multiple=True,
    default=(10.0,),
    show_default=True,
    help=f"How old readings are at most in {', '.join(with_option('ages'))}, in seconds; likewise.",
)
@click.option("--results", type=click.Path(path_type=Path), default=result.RESULTS, help="Folder of the JSON files.")
def main(benches: tuple[str, ...], results: Path, **options: Any) -> None:
    """Run the benchmarks, and exit with 1 when a limit is missed."""
    try:
        found = [run(BENCHES[name], options, results) for name in benches or by_default()]
    except UnavailableError as error:
        raise click.ClickException(str(error)) from error
    result.show(found)
    sys.exit(0 if all(each.holds for each in found) else 1)


if __name__ == "__main__":
    main()
