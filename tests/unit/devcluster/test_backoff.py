"""A container that keeps ending waits longer and longer."""

import pytest

from devcluster.node.backoff import Backoff
from devcluster.node.container import restarts


@pytest.mark.parametrize(
    ("ran_seconds", "delay"),
    [
        pytest.param([1], 0, id="the first restart is at once"),
        pytest.param([1, 1], 10, id="the second waits"),
        pytest.param([1, 1, 1], 20, id="then twice as long"),
        pytest.param([1, 1, 1, 1, 1], 80, id="and so on"),
        pytest.param([1] * 50, 300, id="but never longer than five minutes"),
        pytest.param([1, 1, 1, 600], 0, id="ten good minutes are forgiven"),
        pytest.param([1, 1, 1, 600, 1], 10, id="and count from there"),
    ],
)
def test_the_delay_follows_the_ends(ran_seconds: list[float], delay: float) -> None:
    backoff = Backoff()
    for seconds in ran_seconds:
        backoff = backoff.ended(seconds)
    assert backoff.delay_seconds == delay


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 0, False),
        ("Never", 137, False),
    ],
)
def test_the_restart_policy_decides(policy: str, code: int, again: bool) -> None:
    assert restarts(policy, code) is again
