"""What docs/modernize.md says of the five architectures is so by other chance, too. `make verify` holds its figures."""

from functools import cache
from xml.etree import ElementTree as ET

import pytest

from examples.modernize import architectures as example
from examples.modernize.picture import picture
from examples.modernize.results import LONGER, Result, result


@cache
def results() -> dict[str, Result]:
    return {each.letter: result(each, seed=3) for each in example.architectures()}


def test_with_b_nearly_all_jobs_begin_in_time_for_the_least_money() -> None:
    found = results()
    assert found["B"].outcome.above_slo == pytest.approx(0, abs=0.001)
    assert all((found[letter].outcome.above_slo or 0) > 0.03 for letter in "PACD")
    assert min(found, key=lambda letter: found[letter].outcome.cost) == "B"


def test_while_the_primary_is_down_jobs_wait_as_long_and_with_b_no_longer_than_at_other_times() -> None:
    found, seconds = results(), example.OUTAGE[1] - example.OUTAGE[0]
    assert all(found[letter].longest_wait(example.OUTAGE) > 0.9 * seconds for letter in "PCD")
    assert found["B"].longest_wait(example.OUTAGE) < found["B"].wait.longest


def test_b_cuts_nothing_off_and_groups_that_follow_a_load_do() -> None:
    """One job at most is begun again for the node that was lost."""
    found = results()
    assert found["B"].outcome.repeated <= 1
    assert found["B"].outcome.wasted_hours < found["C"].outcome.wasted_hours
    assert all(found[letter].outcome.repeated > 1 for letter in "CD")


def test_no_job_is_lost_unless_the_primary_forgets() -> None:
    assert [each.outcome.lost + each.outcome.unhandled for each in results().values()] == [0] * 5


def test_when_jobs_take_twice_as_long_the_steps_of_c_no_longer_hold_and_b_adapts() -> None:
    found = {letter: result(results()[letter].architecture, work=LONGER).outcome for letter in "BC"}
    assert found["C"].unhandled > 0.01 * found["C"].messages
    assert found["B"].unhandled == 0


def test_the_nodes_that_d_needs_after_the_outage_are_ended_during_it() -> None:
    sizes = results()["D"].played.run.sizes
    begun, repaired = example.OUTAGE
    down = [size for time, size in zip(sizes.times, sizes.asked, strict=True) if begun < time < repaired]
    after = [size for time, size in zip(sizes.times, sizes.asked, strict=True) if repaired < time < repaired + 1800]
    assert min(down) == 1
    assert max(after) == example.MOST


def test_the_picture_reads_in_light_and_in_dark_and_has_a_title() -> None:
    text = picture([(each.architecture, each.played.run) for each in results().values()])
    assert ET.fromstring(text).get("role") == "img"  # noqa: S314 - it is our own
    assert "prefers-color-scheme: dark" in text
    assert text.count("<title>") == 1
