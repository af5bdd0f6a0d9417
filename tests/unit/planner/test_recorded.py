"""A recorded load is read as it is, and what is wrong with it is said with row, column and fix."""

from random import Random

import pytest

from queueplanner.recorded import LoadError, parse_csv

GOOD = {
    "seconds": ("time,messages\n0,3\n60,0\n120,5\n", [(0.0, 60.0, 3), (60.0, 60.0, 0), (120.0, 60.0, 5)]),
    "ISO 8601, and other columns": (
        "queue,messages, time\na,1,2026-01-01T00:00:00Z\na,2,2026-01-01T01:01:00+01:00\n",
        [(0.0, 60.0, 1), (60.0, 60.0, 2)],
    ),
    "whole numbers written as floats, and a mark of Excel": (
        "\ufefftime,messages\n10,3.0\n20,1e2\n",
        [(0.0, 10.0, 3), (10.0, 10.0, 100)],
    ),
    "semicolons, as Excel writes them where commas are in numbers": (
        "time;messages\r\n0;3\r\n60;4\r\n",
        [(0.0, 60.0, 3), (60.0, 60.0, 4)],
    ),
    "columns in capitals, with spaces around them": (
        "Time , MESSAGES \n0 , 3\n60 , 4\n",
        [(0.0, 60.0, 3), (60.0, 60.0, 4)],
    ),
    "a separator at the end of each row": ("time,messages\n0,3,\n60,4,\n", [(0.0, 60.0, 3), (60.0, 60.0, 4)]),
    "empty rows": ("time,messages\n\n0,3\n\n60,4\n\n", [(0.0, 60.0, 3), (60.0, 60.0, 4)]),
    "tabs, and lines that end as on an old Mac": ("time\tmessages\r0\t3\r60\t4\r", [(0.0, 60.0, 3), (60.0, 60.0, 4)]),
}

BAD = {
    "no header": ("0,3\n60,4\n", "row 1: there is no column 'time'"),
    "no messages": ("time,count\n0,3\n60,4\n", "row 1: there is no column 'messages'"),
    "nothing": ("", "row 1: there is no column 'time'"),
    "one row": ("time,messages\n0,3\n", "1 rows of a load: two are needed"),
    "a word": ("time,messages\n0,3\n60,many\n", "row 3, column messages: 'many' is no number"),
    "half a message": ("time,messages\n0,3\n60,1.5\n", "row 3, column messages: '1.5' is no count"),
    "less than none": ("time,messages\n0,3\n60,-1\n", "row 3, column messages: '-1' is no count"),
    "no number": ("time,messages\n0,nan\n60,1\n", "row 2, column messages: 'nan' is no count"),
    "a short row": ("time,messages\n0,3\n60\n", "row 3, column messages: '' is no number"),
    "no time": ("time,messages\nnoon,3\n60,1\n", "row 2, column time: 'noon' is neither"),
    "for ever": ("time,messages\n0,3\ninf,1\n", "row 3, column time: 'inf' is no time"),
    "the same time twice": ("time,messages\n0,3\n0,1\n9,1\n", "row 3, column time: it is not later"),
    "an hour that clocks show twice": (
        "time,messages\n2026-10-25T02:45,3\n2026-10-25T02:00,1\n",
        "row 3, column time: .* give times their zone where clocks go back",
    ),
    "a cell without an end": (
        "time,messages\n0," + "3" * 200_000 + "\n",
        "row 2: this is no CSV: field larger",
    ),
    "numbers with a comma in them": (
        "time,messages\n0,1,000\n60,2,000\n",
        "row 2: it has 3 cells, and the first row names 2: .* write numbers without commas",
    ),
    "a column twice": ("time,messages,messages\n0,3,4\n60,1,2\n", "row 1: column 'messages' is there twice"),
    "numbers as Python writes them": ("time,messages\n0,1_000\n60,1\n", "row 2, column messages: '1_000' is no num"),
    "a time as Python writes it": ("time,messages\n0,3\n6_0,1\n", "row 3, column time: '6_0' is neither"),
    "milliseconds": (
        "time,messages\n1795424400000,3\n1795424460000,1\n",
        "row 2, column time: 1795424400000 is no time: give seconds since 1970, not milliseconds",
    ),
    "milliseconds later on": ("time,messages\n1795424400,3\n1795424460000,1\n", "row 3, column time: 1795424460000 is"),
    "a date below a count of seconds": (
        "time,messages\n0,3\n2026-11-23T09:00Z,1\n",
        "row 3, column time: '2026-11-23T09:00Z' is a date, and '0' in row 2 is none: write all of them alike",
    ),
    "a count of seconds below a date": (
        "time,messages\n2026-11-23T09:00Z,1\n2030-11-23T09:00Z,1\n60,3\n",
        "row 4, column time: '60' is no date, and '2026-11-23T09:00Z' in row 2 is one: write all of them alike",
    ),
    "the same time twice, below an empty row": ("time,messages\n0,3\n\n0,1\n9,1\n", "row 4, column time: it is not"),
    "a very long cell": ("time,messages\n0," + "3" * 5_000 + "\n60,1\n", r"row 2, column messages: '3{40}…' is no c"),
    "too much": ("time,messages\n0,3000000000\n60,1\n", "more than 1,000,000,000 messages"),
}


@pytest.mark.parametrize(("text", "intervals"), GOOD.values(), ids=GOOD)
def test_a_load_is_read(text: str, intervals: list[tuple[float, float, int]]) -> None:
    found = parse_csv(text)
    assert [(each.start, each.seconds, each.messages) for each in found.intervals] == intervals
    assert found.notes == ()
    times = found.times(Random(1))
    assert times == sorted(times)
    assert len(times) == sum(messages for _, _, messages in intervals)
    assert found.seconds == intervals[-1][0] + intervals[-1][1]


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD)
def test_a_broken_load_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(LoadError, match=sentence):
        parse_csv(text)


def test_a_gap_is_told_and_not_filled() -> None:
    found = parse_csv("time,messages\n0,1\n60,1\n120,9\n600,1\n660,1\n")
    [gap] = found.notes
    assert gap.startswith("after row 4 there is nothing for 480 s, where rows are 60 s apart")
    assert sum(120 <= time < 600 for time in found.times(Random(1))) == 9


def test_many_gaps_are_told_together() -> None:
    lengths = [1 if number % 5 else 100 for number in range(500)]
    times = [sum(lengths[:number]) for number in range(len(lengths))]
    found = parse_csv("time,messages\n" + "".join(f"{time},1\n" for time in times))
    assert len(found.notes) == 2
    assert found.notes[0].startswith("100 rows are further apart than others, which are 1 s apart")


def test_times_without_a_zone_are_told() -> None:
    local = parse_csv("time,messages\n2026-11-23T09:00,1\n2026-11-23T09:15,1\n")
    assert local.notes == (
        "times without a zone were taken as UTC: write it where it is another, such as 2026-11-23T09:00+01:00",
    )
    assert parse_csv("time,messages\n2026-11-23T09:00Z,1\n2026-11-23T09:15Z,1\n").notes == ()
