"""How long handlers took, as files say it."""

import pytest

from queueplanner.recorded import LoadError
from queueplanner.sources.histograms import Histogram
from queueplanner.sources.service_times import parse_service_times

METRICS = """\
# HELP queueworker_handler_duration_seconds How long handlers took.
# TYPE queueworker_handler_duration_seconds histogram
queueworker_handler_duration_seconds_bucket{queue="a",le="1.0"} 2.0
queueworker_handler_duration_seconds_bucket{queue="a",le="5.0"} 6.0
queueworker_handler_duration_seconds_bucket{queue="a",le="+Inf"} 7.0
queueworker_handler_duration_seconds_count{queue="a"} 7.0
queueworker_handler_duration_seconds_sum{queue="a"} 21.0
queueworker_busy_handlers 3.0
"""
TEXTS = {
    "what /metrics says": (METRICS, Histogram((1.0, 5.0), (2.0, 4.0, 1.0), 21.0)),
    "of two workers": (METRICS + METRICS, Histogram((1.0, 5.0), (4.0, 8.0, 2.0), 42.0)),
    "a CSV": ("seconds,count\n1,2\n5,4\n+Inf,1\n", Histogram((1.0, 5.0), (2.0, 4.0, 1.0))),
    "a CSV without an open end": ("seconds, count\r\n1, 2\r\n5, 4\r\n", Histogram((1.0, 5.0), (2.0, 4.0, 0.0))),
}


@pytest.mark.parametrize(("text", "found"), TEXTS.values(), ids=TEXTS)
def test_times_are_read(text: str, found: Histogram) -> None:
    assert parse_service_times(text) == found


REFUSED = {
    "nothing": ("", "row 1: there is no column 'seconds': give a CSV with seconds and count"),
    "another CSV": ("time,messages\n1,2\n", "row 1: there is no column 'seconds'"),
    "no number": ("seconds,count\n1,many\n", "line 2, count: 'many' is no number of 0 or more"),
    "NaN": ("seconds,count\nnan,1\n", "line 2, seconds: 'nan' is no number of 0 or more"),
    "below zero": ("seconds,count\n1,-1\n", "line 2, count: '-1' is no number of 0 or more"),
    "out of order": ("seconds,count\n5,1\n1,1\n", "row 3, column seconds: it is not above the row before: sort"),
    "an empty cell": ("seconds,count\n5\n", "line 2, count: '' is no number"),
    "no times yet": ("seconds,count\n5,0\n", "there is no time in it: take it after messages were handled"),
    "no rows": ("seconds,count\n", "there is no time in it"),
    "no bound": (METRICS.replace('le="1.0"', 'to="1"'), "line 3: a bucket has no label le: give the text of /metrics"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_none_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(LoadError) as refused:
        parse_service_times(text)
    assert sentence in str(refused.value)
