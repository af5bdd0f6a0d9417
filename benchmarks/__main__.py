"""`python -m benchmarks`: runs benches, writes JSON, prints a table, exits 1 when a limit is missed."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from benchmarks import (
    admission,
    consumers,
    cost,
    crashes,
    decide,
    environments,
    neighbours,
    outages,
    reaction,
    result,
    scale_in,
    shutdown,
    soak,
    takeover,
    throughput,
)
from benchmarks.bed import made

BENCHES = (
    *("decide", "reaction", "admission", "cost", "throughput", "shutdown", "scale_in", "takeover"),
    *("neighbours", "outages_5", "outages_75"),
)
ALONE = {
    "decide": decide.measure,
    "scale_in": lambda _: scale_in.measure(),
    "takeover": takeover.measure,
    "crashes": crashes.measure,
    "outages_5": lambda _: outages.measure(5),
    "outages_75": lambda _: outages.measure(75),
    "outages_600": lambda _: outages.measure(600),
}
OF_WORKERS = {"throughput": throughput.measure, "shutdown": shutdown.measure}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("benches", nargs=-1, type=click.Choice([*BENCHES, "crashes", "outages_600", "soak"]))
@click.option("--rounds", default=3, show_default=True, help="Rounds of all but cost.")
@click.option("--pools", default=1000, show_default=True, help="Pools of admission, cost and soak.")
@click.option("--seconds", default=300.0, show_default=True, help="How long cost and soak measure.")
@click.option("--results", type=click.Path(path_type=Path), default=result.RESULTS, help="Folder of the JSON files.")
def main(benches: tuple[str, ...], rounds: int, pools: int, seconds: float, results: Path) -> None:
    """Measure what operator and worker promise: BENCHES, by default all but crashes, outages_600 and soak."""
    found = [
        _run_workers(bench, rounds, results)
        if bench in OF_WORKERS
        else _run_alone(ALONE[bench], rounds, results)
        if bench in ALONE
        else asyncio.run(_run(bench, (rounds, pools, seconds), results))
        for bench in benches or BENCHES
    ]
    result.show(found)
    sys.exit(0 if all(each.holds for each in found) else 1)


def _run_workers(bench: str, rounds: int, results: Path) -> result.Result:
    """Run one bench that needs no cluster, but SQS and the rivals' environment."""
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]==>[/bold] {bench}")
    load_before, versions = result.load_average(), consumers.rival_versions()
    found = OF_WORKERS[bench](rounds)
    about = result.surroundings()
    about["versions"] |= versions
    about["load_average"] = {"before": load_before, "after": result.load_average()}
    console.print(f"    {result.write(found, about, results)}")
    return found


def _run_alone(measure: Callable[[int], result.Result], rounds: int, results: Path) -> result.Result:
    """Run a bench that sets up all it needs by itself."""
    load_before = result.load_average()
    found = measure(rounds)
    about = result.surroundings()
    about["load_average"] = {"before": load_before, "after": result.load_average()}
    result.write(found, about, results)
    return found


async def _run(bench: str, size: tuple[int, int, float], results: Path) -> result.Result:
    """Run one bench on a bed of its own; its logs stay when it fails."""
    rounds, pools, seconds = size
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]==>[/bold] {bench}")
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{bench}-"))
    load_before = result.load_average()
    async with made(folder, environments.as_in_the_image(folder)) as bed:
        match bench:
            case "reaction":
                found = await reaction.measure(bed, rounds)
            case "admission":
                found = await admission.measure(bed, pools, rounds)
            case "soak":
                found = await soak.measure(bed, pools, seconds)
            case "neighbours":
                found = await neighbours.measure(bed)
            case _:
                found = await cost.measure(bed, pools, seconds)
        kubernetes = (await bed.api.get("/version"))["gitVersion"]
    about = result.surroundings()
    about["versions"]["kubernetes server"] = kubernetes
    about["load_average"] = {"before": load_before, "after": result.load_average()}
    console.print(f"    {result.write(found, about, results)}")
    shutil.rmtree(folder)
    return found


if __name__ == "__main__":
    main()
