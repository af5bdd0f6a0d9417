"""How long the worker waits after failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworker.backoff import MAX_RETRY_DELAY_SECONDS, request_delay_seconds, retry_delay_seconds
from queueworker.model import MAX_VISIBILITY_SECONDS


@pytest.mark.parametrize(
    ("base", "receive_count", "jitter", "seconds"),
    [
        pytest.param(5, 1, 0.0, 5, id="the first failure: the base"),
        pytest.param(5, 1, 1.0, 2, id="the first failure, with all of the jitter: half of it"),
        pytest.param(5, 4, 0.0, 40, id="doubles with each receive"),
        pytest.param(5, 50, 0.0, MAX_RETRY_DELAY_SECONDS, id="ends at the limit"),
        pytest.param(0, 50, 0.5, 0, id="a base of zero: at once, always"),
        pytest.param(3600, 9, 0.0, 3600, id="a base above the limit is kept"),
    ],
)
def test_a_failed_message_waits(base: int, receive_count: int, jitter: float, seconds: int) -> None:
    assert retry_delay_seconds(base, receive_count, jitter) == seconds


@given(st.integers(0, MAX_VISIBILITY_SECONDS), st.integers(1, 10**9), st.floats(0, 1))
def test_sqs_accepts_every_delay(base: int, receive_count: int, jitter: float) -> None:
    assert 0 <= retry_delay_seconds(base, receive_count, jitter) <= MAX_VISIBILITY_SECONDS


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_a_delay_is_never_zero_and_never_above_its_limit(failures: int, jitter: float) -> None:
    assert 0.25 <= request_delay_seconds(0.5, 20.0, failures, jitter) <= 20.0
