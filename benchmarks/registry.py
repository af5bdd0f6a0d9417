"""All benchmarks, in the order in which they run."""

from benchmarks import (
    admission,
    bodies,
    chaos,
    cold_start,
    cost,
    crashes,
    decide,
    envelope,
    fair_queue,
    gauntlet,
    image_sizes,
    law,
    multi_queue,
    neighbours,
    operator_start,
    outages,
    planner,
    reaction,
    recommend,
    scale,
    scale_in,
    scrape,
    serve,
    shards,
    shutdown,
    soak,
    start,
    takeover,
    throughput,
    ways_down,
)
from benchmarks.bench import Bench

BENCHES: dict[str, Bench] = {
    bench.name: bench
    for bench in (
        decide.BENCH,
        planner.BENCH,
        recommend.BENCH,
        law.BENCH,
        reaction.BENCH,
        admission.BENCH,
        cost.BENCH,
        throughput.BENCH,
        fair_queue.BENCH,
        multi_queue.BENCH,
        bodies.BENCH,
        serve.BENCH,
        start.BENCH,
        operator_start.BENCH,
        shutdown.BENCH,
        scale.BENCH,
        scrape.BENCH,
        scale_in.BENCH,
        ways_down.BENCH,
        takeover.BENCH,
        shards.BENCH,
        neighbours.BENCH,
        envelope.BENCH,
        *outages.BENCHES,
        cold_start.BENCH,
        image_sizes.BENCH,
        crashes.BENCH,
        soak.BENCH,
        chaos.BENCH,
        gauntlet.BENCH,
    )
}


def by_default() -> list[str]:
    """Return the names of the benchmarks that run when none is named."""
    return [bench.name for bench in BENCHES.values() if bench.by_default]


def with_option(option: str) -> list[str]:
    """Return the names of the benchmarks that take an option."""
    return [bench.name for bench in BENCHES.values() if option in bench.options]
