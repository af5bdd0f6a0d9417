"""Beside the real HPA controller, with the same behavior and inputs, we decide alike, but for what ADR 0005 lists."""

import pytest

from testbed.hpa.recording import Played
from testbed.hpa.series import SERIES, Difference
from tests.cluster.parity.replay import Row, replay, table

pytestmark = pytest.mark.timeout(300)  # the first test waits until all series are played


@pytest.fixture(scope="session")
def replays(recordings: dict[str, Played]) -> dict[str, list[Row]]:
    return {name: replay(SERIES[name], kept.behavior or {}, kept.syncs) for name, kept in recordings.items()}


@pytest.mark.parametrize("name", SERIES)
def test_every_decision_is_the_hpas_but_for_the_listed_differences(name: str, replays: dict[str, list[Row]]) -> None:
    rows = replays[name]
    assert {row.difference for row in rows if row.differs} <= SERIES[name].differs, table(rows)


@pytest.mark.parametrize("difference", Difference)
def test_every_listed_difference_shows(difference: Difference, replays: dict[str, list[Row]]) -> None:
    assert any(row.difference is difference for rows in replays.values() for row in rows if row.differs)
