"""A few crashes: what the bench of that name does two hundred times."""

from collections.abc import Callable
from typing import NoReturn

from benchmarks import crashes
from devcluster import UnavailableError, tools

KILLS = 6


def test_whenever_it_is_killed_each_size_is_written_once_and_no_window_is_cut_short(
    unavailable: Callable[[str], NoReturn],
) -> None:
    try:
        tools.build_everything()
    except UnavailableError as error:
        unavailable(str(error))
    found = crashes.measure(KILLS)
    assert [figure.name for figure in found.figures if figure.limit == 0 and not figure.holds] == [], found.details
    assert {figure.name: figure.value for figure in found.figures}["kills"] >= KILLS
