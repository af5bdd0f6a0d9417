"""The table of SQS consumers on docs/comparison.md speaks of the versions that the benches run."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = dict(
    re.findall(r"^([a-z-]+)==([\d.]+)", (ROOT / "benchmarks/peers/requirements.lock").read_text(), re.MULTILINE)
)
PAGE = (ROOT / "docs/comparison.md").read_text()


@pytest.mark.parametrize(
    "library", ["celery", "kombu", "dramatiq", "dramatiq-sqs", "taskiq", "taskiq-aio-sqs", "sqs-workers"]
)
def test_a_new_version_of_a_consumer_must_be_looked_at(library: str) -> None:
    """Who changes the lock reads the sources again, and then changes the table."""
    assert re.search(rf"[| (]{library} {re.escape(LOCK[library])}[ )]", PAGE)


def test_each_of_our_own_cells_names_its_test() -> None:
    rows = [line for line in PAGE.partition("## Consumers of SQS in Python")[2].splitlines() if line.startswith("| ")]
    ours = {row.split(" | ")[0].lstrip("| "): row.rstrip(" |").rpartition(" | ")[2] for row in rows[1:]}
    without_test = {name for name, cell in ours.items() if "](../tests/" not in cell}
    assert without_test == {
        "results, schedules, chains of tasks",  # we have none
        "messages a second, no-op handlers, ours being 1",  # measured by a bench
    }
