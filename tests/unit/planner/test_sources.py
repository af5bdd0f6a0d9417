"""What CloudWatch and Prometheus print is read as it is, and what is wrong with it is said with field and fix."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from queueplanner.recorded import LoadError, Recorded
from queueplanner.sources import parse_load

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()


def datapoint(minute: int, messages: Any = 3.0, **differs: Any) -> dict[str, Any]:
    return {"Timestamp": f"2026-11-02T12:{minute:02}:00+00:00", "Sum": messages, "Unit": "Count"} | differs


def statistics(*points: Any, **differs: Any) -> dict[str, Any]:
    """As `aws cloudwatch get-metric-statistics` prints it."""
    return {"Label": "NumberOfMessagesSent", "Datapoints": list(points)} | differs


def metric_data(times: list[Any], values: list[Any], **differs: Any) -> dict[str, Any]:
    """As `aws cloudwatch get-metric-data` prints it."""
    result = {"Id": "m1", "Label": "NumberOfMessagesSent", "Timestamps": times, "Values": values}
    return {"MetricDataResults": [result | {"StatusCode": "Complete"} | differs], "Messages": []}


def matrix(*series: list[Any], **differs: Any) -> dict[str, Any]:
    """As Prometheus answers `query_range`."""
    found = [{"metric": {"queue": f"q{number}"}, "values": values} for number, values in enumerate(series)]
    return {"status": "success", "data": {"resultType": "matrix", "result": found} | differs}


def minutes(*numbers: int) -> list[str]:
    return [f"2026-11-02T12:{number:02}:00Z" for number in numbers]


GOOD: dict[str, tuple[str, list[tuple[float, float, int]]]] = {
    "statistics, in no order": (
        json.dumps(statistics(datapoint(2, 5.0), datapoint(0), datapoint(1, 0.0))),
        [(0, 60, 3), (60, 60, 0), (120, 60, 5)],
    ),
    "metric data, the newest first": (
        json.dumps(metric_data(minutes(10, 5, 0), [7.0, 0.0, 2.0])),
        [(0, 300, 2), (300, 300, 0), (600, 300, 7)],
    ),
    "pages that follow each other, the oldest first": (
        json.dumps(metric_data(minutes(0, 1), [1.0, 2.0])) + "\n" + json.dumps(metric_data(minutes(2), [3.0])),
        [(0, 60, 1), (60, 60, 2), (120, 60, 3)],
    ),
    "pages in a list, which overlap": (
        json.dumps([metric_data(minutes(0, 1), [1.0, 2.0]), metric_data(minutes(1, 2), [2.0, 3.0])]),
        [(0, 60, 1), (60, 60, 2), (120, 60, 3)],
    ),
    "seconds since 1970": (
        json.dumps(metric_data([NOON, NOON + 60], [1, 2])),
        [(0, 60, 1), (60, 60, 2)],
    ),
    "a rate of Prometheus, of which halves add up": (
        json.dumps(matrix([[NOON + 60, "0.025"], [NOON + 120, "0.025"], [NOON + 180, "1"]])),
        [(0, 60, 2), (60, 60, 1), (120, 60, 60)],
    ),
    "a CSV": ("time,messages\n2026-11-02T12:00:00Z,1\n2026-11-02T12:01:00Z,2\n", [(0, 60, 1), (60, 60, 2)]),
}


@pytest.mark.parametrize(("text", "intervals"), GOOD.values(), ids=GOOD)
def test_a_recorded_load_is_read(text: str, intervals: list[tuple[float, float, int]]) -> None:
    load = parse_load(text)
    assert [(each.start, each.seconds, each.messages) for each in load.intervals] == intervals
    assert load.notes == ()
    assert load.began == datetime.fromtimestamp(NOON, UTC)


GAPS = {
    "of CloudWatch": json.dumps(metric_data(minutes(0, 1, 5), [1.0, 2.0, 3.0])),
    "of Prometheus": json.dumps(matrix([[NOON + at * 60, value] for at, value in ((1, "1"), (2, "1"), (6, "1"))])),
    "of Prometheus, as NaN": json.dumps(matrix([[NOON + at * 60, "NaN" if 2 < at < 6 else "1"] for at in range(1, 7)])),
}


@pytest.mark.parametrize("text", GAPS.values(), ids=GAPS)
def test_a_gap_is_told_and_nothing_is_sent_in_it(text: str) -> None:
    load = parse_load(text)
    assert load.notes == (
        "nothing is known from 2026-11-02 12:02:00 to 2026-11-02 12:05:00 (UTC), for 180 s: no messages are sent then",
    )
    assert load.seconds == 360
    assert not any(120 <= time < 300 for time in load.times(Random(1)))


def test_many_gaps_are_told_in_one_sentence() -> None:
    load = parse_load(json.dumps(metric_data(minutes(0, 1, *range(3, 40, 4)), [1.0] * 12)))
    [note] = load.notes
    assert note.startswith("10 times nothing is known, for 1680 s together; the longest is from 2026-11-02 12:04:00")


BAD: dict[str, tuple[str, str]] = {
    "no JSON": ('{"Datapoints": [', "this is no JSON: "),
    "brackets without end": ("[" * 100_000, "this is no JSON: "),
    "a time beyond all calendars": (
        json.dumps(metric_data([0, 60, 1e300], [1, 2, 3])),
        "MetricDataResults[0].Timestamps[2]: 1e+300 is no time: give seconds since 1970",
    ),
    "a rate beyond all calendars": (
        json.dumps(matrix([[NOON, "1"], [NOON + 60, "1"], [1e300, "1"]])),
        "data.result[0].values[2]: 1e+300 is no time: give seconds since 1970",
    ),
    "another JSON": ('{"items": []}', "this JSON is neither an answer of CloudWatch (Datapoints, MetricDataResults)"),
    "nothing": ("[]", "this JSON is neither"),
    "no points": (json.dumps(statistics()), "0 points: two are needed"),
    "one point": (json.dumps(statistics(datapoint(0))), "1 points: two are needed"),
    "an average": (
        json.dumps(statistics(datapoint(0), {"Timestamp": "2026-11-02T12:01:00Z", "Average": 1.0})),
        "Datapoints[1].Sum is missing: ask for it with `--statistics Sum`",
    ),
    "bytes": (json.dumps(statistics(datapoint(0, Unit="Bytes"))), "Datapoints[0].Unit is 'Bytes'"),
    "another metric": (
        json.dumps(statistics(datapoint(0), datapoint(1), Label="NumberOfMessagesReceived")),
        "Label is 'NumberOfMessagesReceived': what is sent is NumberOfMessagesSent",
    ),
    "half a message": (json.dumps(statistics(datapoint(0, 0.5))), "Datapoints[0].Sum: 0.5 is no count of messages"),
    "less than none": (json.dumps(metric_data(minutes(0), [-1])), "MetricDataResults[0].Values[0]: -1 is no count"),
    "a word": (json.dumps(metric_data(minutes(0), ["many"])), "MetricDataResults[0].Values[0]: 'many' is no count"),
    "no time": (
        json.dumps(metric_data(["noon", "one"], [1, 2])),
        "MetricDataResults[0].Timestamps[0]: 'noon' is neither ISO 8601 nor seconds since 1970",
    ),
    "a point without a time": (json.dumps(statistics({"Sum": 1.0})), "Datapoints[0].Timestamp is missing"),
    "a value too few": (
        json.dumps(metric_data(minutes(0, 1), [1.0])),
        "MetricDataResults[0].Values: 1 of them, and 2 Timestamps",
    ),
    "no values": (
        json.dumps({"MetricDataResults": [{"Id": "a", "Timestamps": []}]}),
        "MetricDataResults[0].Values is missing, or not a list",
    ),
    "a page that contradicts another": (
        json.dumps([metric_data(minutes(0, 1), [1, 2]), metric_data(minutes(1), [3])]),
        "page 2: MetricDataResults[0].Values[0]: 3 messages, where another point of that time has 2",
    ),
    "two queues": (
        json.dumps([metric_data(minutes(0, 1), [1, 2]), metric_data(minutes(2), [1], Id="m2")]),
        "2 series (m1, m2): give one",
    ),
    "an error within": (
        json.dumps(metric_data(minutes(0, 1), [1, 2], StatusCode="InternalError")),
        "StatusCode is InternalError",
    ),
    "two periods": (
        json.dumps(metric_data(["2026-11-02T12:00:00Z", "2026-11-02T12:01:00Z", "2026-11-02T12:02:30Z"], [1, 2, 3])),
        "points of different periods",
    ),
    "an error of Prometheus": (
        json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error"}),
        "status: the answer is an error of Prometheus: parse error",
    ),
    "one moment of Prometheus": (
        json.dumps(matrix([[NOON, "1"]], resultType="vector")),
        "data.resultType is 'vector': ask for `query_range`",
    ),
    "several series": (
        json.dumps(matrix([[NOON, "1"]], [[NOON, "1"]])),
        "data.result: 2 series (queue=q0; queue=q1): ask for one, by `sum(…)`",
    ),
    "a counter": (
        json.dumps(matrix(result=[{"metric": {"__name__": "sent_total"}, "values": []}])),
        "data.result[0] is the counter sent_total: ask for messages per second, `sum(rate(sent_total[1m]))`",
    ),
    "no series": (json.dumps(matrix()), "data.result is empty"),
    "nothing known": (json.dumps(matrix([[NOON, "NaN"], [NOON + 60, "NaN"]])), "there is no time of which it is known"),
    "milliseconds": (json.dumps(metric_data([NOON * 1e3, NOON * 1e3 + 6e4], [1, 2])), "give seconds since 1970, not"),
    "a step alone": (json.dumps(matrix([[NOON, "1"]])), "data.result[0].values: 1 of them: two are needed"),
    "a falling time": (json.dumps(matrix([[NOON, "1"], [NOON, "1"]])), "their times must grow"),
    "no pair": (json.dumps(matrix([[NOON, "1"], [NOON]])), "data.result[0].values[1]: [1793620800.0] is no pair"),
    "a negative rate": (
        json.dumps(matrix([[NOON, "1"], [NOON + 60, "-2"]])),
        "data.result[0].values[1]: -2 messages per second",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_refused_with_its_field_and_the_fix(text: str, sentence: str) -> None:
    with pytest.raises(LoadError) as refusal:
        parse_load(text)
    assert sentence in str(refusal.value)


def test_a_time_without_a_calendar_has_no_beginning() -> None:
    load: Recorded = parse_load("time,messages\n0,1\n60,1\n")
    assert load.began is None
