"""The pure parts of redrive and peek: which messages are meant, how fast they go, where to, and how they look."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworker.errors import UsageError
from queueworker.model import Message, StoredMessage
from queueworker.tools import shown
from queueworker.tools.filters import parse_filters
from queueworker.tools.outcome import Left
from queueworker.tools.pacing import BURST_SECONDS, TokenBucket
from queueworker.tools.progress import line
from queueworker.tools.routes import routes_for

NOW = 1_800_000_000.0
JOBS, MAILS, DEAD = (f"https://sqs.eu-west-1.amazonaws.com/123456789012/{name}" for name in ("jobs", "mails", "dead"))


def message(**fields: object) -> Message:
    """A message of two hours ago."""
    plain: dict[str, object] = {
        "id": "m1",
        "body": '{"order": 17}',
        "receipt_handle": "r1",
        "attributes": {"tenant": "acme", "queueworker.reason": "no such order"},
        "attribute_types": {"tenant": "String", "queueworker.reason": "String"},
        "sent_timestamp": NOW - 7200,
    }
    return Message(**(plain | fields))  # type: ignore[arg-type]  # rows of a table


@pytest.mark.parametrize(
    ("expressions", "fits"),
    [
        pytest.param([], True, id="no filter: all"),
        pytest.param(["body~ord.r"], True, id="somewhere in the body"),
        pytest.param(["body~^order"], False, id="not at its begin"),
        pytest.param(["reason~such"], True, id="in the reason"),
        pytest.param(["tenant=acme"], True, id="an attribute"),
        pytest.param(["tenant=acme2"], False, id="its whole value"),
        pytest.param(["user=acme"], False, id="an attribute that is not there"),
        pytest.param(["age>1h"], True, id="older"),
        pytest.param(["age>2.5h"], False, id="not as old"),
        pytest.param(["age<3h"], True, id="younger"),
        pytest.param(["age<7199s"], False, id="not as young"),
        pytest.param(["sent<2027-01-15T07:00Z"], True, id="sent before"),
        pytest.param(["sent>2027-01-15T05:59:59"], True, id="sent after, in UTC without a zone"),
        pytest.param(["sent>2027-01-15T06:00:01+00:00"], False, id="not after"),
        pytest.param(["tenant=acme", "age<1h"], False, id="one of two is not enough"),
    ],
)
def test_a_filter_means(expressions: Sequence[str], fits: bool) -> None:
    assert parse_filters(expressions, NOW).match(message()) is fits


@pytest.mark.parametrize("expression", ["age>1h", "age<1h", "reason~.", "tenant=acme"])
def test_what_is_not_known_of_a_message_fits_no_filter(expression: str) -> None:
    assert not parse_filters([expression], NOW).match(Message(id="m", body="", receipt_handle="r"))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("order", "--filter 'order' is none: write body~REGEX", id="no condition"),
        pytest.param("body~(", "has no regular expression: missing \\)", id="a broken expression"),
        pytest.param("age>1y", "--filter 'age>1y' is none", id="an unknown unit"),
        pytest.param("sent<noon", "has no time: write it as 2026-", id="no time"),
    ],
)
def test_a_filter_that_is_none_is_refused(expression: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        parse_filters([expression], NOW)


@given(st.floats(0.1, 1000), st.lists(st.tuples(st.floats(0, 2), st.integers(1, 10)), max_size=60))
def test_a_rate_is_never_exceeded(rate: float, requests: list[tuple[float, int]]) -> None:
    bucket, now, given_out = TokenBucket(rate, 0.0), 0.0, 0
    for pause, wanted in requests:
        now += pause
        granted = bucket.take(wanted, now)
        assert 0 <= granted <= wanted
        given_out += granted
        assert given_out <= rate * (now + BURST_SECONDS) + 1 + 1e-6


@pytest.mark.parametrize("rate", [0.5, 3, 250])
def test_a_rate_is_reached(rate: float) -> None:
    bucket, now, given_out = TokenBucket(rate, 0.0), 0.0, 0
    while now < 100:
        if granted := bucket.take(10, now):
            given_out += granted
        else:
            now += bucket.seconds_until_next() + 1e-9
    assert given_out == pytest.approx(rate * 100, rel=0.03)


@pytest.mark.parametrize(
    ("target", "sources", "source_arn", "expected"),
    [
        pytest.param(MAILS, [], "arn:aws:sqs:eu-west-1:123456789012:jobs", MAILS, id="--to is for all"),
        pytest.param(None, [JOBS], None, JOBS, id="the only source"),
        pytest.param(None, [JOBS, MAILS], "arn:aws:sqs:eu-west-1:123456789012:mails", MAILS, id="the one SQS recorded"),
        pytest.param(
            None,
            [JOBS, MAILS],
            None,
            Left(f"do not say which of 2 queues they came from: give --to one of {JOBS}, {MAILS}"),
            id="several, and none recorded",
        ),
        pytest.param(
            None,
            [JOBS],
            "arn:aws:sqs:eu-west-1:123456789012:old",
            Left("came from old, which no longer has this dead-letter queue: give --to URL"),
            id="one that is not a source any more",
        ),
    ],
)
def test_a_dead_letter_goes_to(
    target: str | None, sources: list[str], source_arn: str | None, expected: str | Left
) -> None:
    assert routes_for(target, DEAD, sources).target_of(StoredMessage(message(), source_arn)) == expected


@pytest.mark.parametrize(("target", "expected"), [(DEAD, "round in circles"), (None, "no queue names this one")])
def test_nowhere_to_go_is_refused(target: str | None, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        routes_for(target, DEAD, [])


def test_a_message_is_shown_to_people_in_lines_that_fit() -> None:
    body = "a\x1b[2J\nb" + "x" * 100
    stored = StoredMessage(
        message(body=body, group="g\x07", receive_count=4, attributes={"n": "5", "b": b"\0\1"}),
        "arn:aws:sqs:eu-west-1:123456789012:jobs",
    )
    assert [*shown.as_text(stored, NOW, 70)] == [
        "m1  sent 2 h ago  received 4 times  group g\\x07  from jobs",
        "    n=5, b=2 bytes",
        r"    a\x1b[2J\nbxxxxxxxxxxxx ... (107 characters; -o json has them all)",
    ]


def test_a_message_is_whole_as_json() -> None:
    raw = message(attributes={"b": b"\0\1"}, attribute_types={"b": "Binary.png"}, group="g", body="é\n")
    assert json.loads(shown.as_json(StoredMessage(raw, "arn", "d1"))) == {
        "id": "m1",
        "body": "é\n",
        "attributes": {"b": {"type": "Binary.png", "value": "AAE="}},
        "receiveCount": 1,
        "sent": "2027-01-15T06:00:00.000+00:00",
        "group": "g",
        "deduplicationId": "d1",
        "source": "arn",
        "reason": None,
        "traceHeader": None,
    }


@given(st.text(max_size=300), st.integers(1, 200))
def test_no_body_moves_the_cursor_or_breaks_the_line(body: str, width: int) -> None:
    lines = [*shown.as_text(StoredMessage(message(body=body)), NOW, width)]
    assert all(each.isprintable() for each in lines)
    assert len(lines[-1]) <= max(width, 60)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (7200, "2 h"), (260_000, "3 d")]
)
def test_a_duration_reads(seconds: float, text: str) -> None:
    assert shown.duration(seconds) == text


def test_the_progress_says_how_much_is_left() -> None:
    assert line("moved", 900, 1000, 5000, 10.0) == "moved 900, looked at 1,000 of about 5,000; 100/s, 40 s left"
