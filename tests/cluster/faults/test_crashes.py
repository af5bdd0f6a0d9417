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
    found = {figure.name: figure.value for figure in crashes.measure(KILLS).figures}
    assert found["kills"] == KILLS + 1
    assert found["pools_with_wrong_writes"] == 0
    assert found["writes_without_effect"] == 0
    assert found["steps_too_soon"] == 0
    assert found["scale_ins_before_the_window"] == 0
