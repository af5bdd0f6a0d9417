"""Runs one benchmark: prepares what it needs, adds machine and versions to its result, writes the JSON file."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import consumers, result
from benchmarks.bench import Bench, Needs
from benchmarks.result import Result
from testbed import environment, interpreters


def run(bench: Bench, options: Mapping[str, Any], results: Path) -> Result:
    """Run a benchmark, write its JSON file into `results`, and return what it found."""
    console = Console(stderr=True, highlight=False)
    console.print(f"[bold]==>[/bold] {bench.name}")
    load_before = result.load_average()
    found, versions = _measure(bench, {name: options[name] for name in bench.options})
    about = result.machine_and_versions()
    about["versions"] |= versions
    about["load_average"] = {"before": load_before, "after": result.load_average()}
    console.print(f"    {result.write(found, about, results)}")
    return found


def _measure(bench: Bench, options: Mapping[str, Any]) -> tuple[Result, dict[str, str]]:
    """Return what the benchmark found, and the versions of what was prepared for it."""
    match bench.needs:
        case Needs.ENVIRONMENT:
            return asyncio.run(_measure_in_environment(bench, options))
        case Needs.PEERS:
            versions = consumers.peer_versions()
            return bench.measure(**options), versions
        case Needs.NOTHING:
            return bench.measure(**options), {}


async def _measure_in_environment(bench: Bench, options: Mapping[str, Any]) -> tuple[Result, dict[str, str]]:
    """Measure in an environment of its own, with the operator as in its image; the logs stay when it fails."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{bench.name}-"))
    async with environment.started(folder, interpreters.image_interpreter(folder)) as started:
        found: Result = await bench.measure(started, **options)
        kubernetes = (await started.api.get("/version"))["gitVersion"]
    shutil.rmtree(folder)
    return found, {"kubernetes server": kubernetes}
