"""A short gauntlet: the benchmark of that name runs for longer, with more workers."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from devcluster.errors import UnavailableError
from testbed.gauntlet.run import prepared
from testbed.gauntlet.verdicts import Verdict

GAUNTLET_SECONDS = 15
WORKERS = 8
SEED = 15


@pytest.mark.endurance
@pytest.mark.timeout(600)  # two minutes; a busy machine needs more
def test_among_all_faults_every_message_is_handled_and_nothing_is_left_over(
    tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> None:
    try:
        with prepared(tmp_path, SEED) as gauntlet:
            found = gauntlet.run(GAUNTLET_SECONDS, WORKERS)
    except UnavailableError as error:
        unavailable(str(error))
    verdict = found.verdict
    excused = Verdict(repetitions=verdict.repetitions, overlaps=verdict.overlaps, stranded=verdict.stranded)
    assert verdict == excused
    assert (found.left, found.zombies, found.late_exits) == (0, 0, [])
    assert (found.crashes(), found.errors(), found.scrape_failures) == ([], [], [])
    assert found.more_threads() <= 0
    assert found.more_files() <= 0
    assert found.events["kills"] + found.events["terminations"] > 0
    assert sum(found.faults.values()) > GAUNTLET_SECONDS
