"""Beside the real HPA controller, with the same behavior and inputs, we decide alike, but for what ADR 0005 lists."""

import pytest

from tests.cluster.parity.conftest import Recording
from tests.cluster.parity.replay import replay, table
from tests.cluster.parity.series import SERIES


# The first test waits for all series to be played.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SERIES)
def test_every_decision_is_the_hpas_but_for_the_listed_differences(name: str, recordings: dict[str, Recording]) -> None:
    series, recording = SERIES[name], recordings[name]
    rows = replay(series, recording.behavior, recording.syncs)
    differences = {row.difference for row in rows if not row.agrees}
    assert differences == series.differs, table(rows)
