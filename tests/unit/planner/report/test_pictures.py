"""A picture says the same of the same runs, byte for byte, and can be read."""

import re
import subprocess
import sys
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

import pytest

from queueplanner.play import Played
from queueplanner.report import pictures
from queueplanner.report.pictures import COLOURS, FrontierPoint, PictureError, beats, clock, draw, draw_frontier, span
from tests.unit.planner.report.builders import contrast, played, run

PNG = b"\x89PNG\r\n\x1a\n"
POINTS = [FrontierPoint("messagesPerPod: 2", 20, 9.0), FrontierPoint("messagesPerPod: 5", 40, 5.0, chosen=True)]


def some(count: int = 2, messages: int = 300) -> list[Played]:
    random = Random(1)
    arrivals = sorted(random.uniform(0, 80) for _ in range(messages))
    begun = [sent + random.random() * 9 for sent in arrivals]
    return [played(run(arrivals, begun), f"policy {number}") for number in range(count)]


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.PNG", "other.png", "one.svg", "other.svg"):
        draw(some(), tmp_path / name)
    png, svg = (tmp_path / "one.PNG").read_bytes(), (tmp_path / "one.svg").read_bytes()
    assert (png, svg) == ((tmp_path / "other.png").read_bytes(), (tmp_path / "other.svg").read_bytes())
    assert (png[:8], int.from_bytes(png[16:20])) == (PNG, 1200), "pixels wide"


def test_an_svg_names_policies_units_and_times_in_texts(tmp_path: Path) -> None:
    draw(some(), tmp_path / "runs.svg")
    text = (tmp_path / "runs.svg").read_text()
    for words in ("policy 0", "policy 1", "Wait in seconds", "time since the start (hours:minutes)", "0:01:40"):
        assert words in text


def test_lines_differ_without_colours(tmp_path: Path) -> None:
    draw(some(6), tmp_path / "runs.svg")
    dashes = set(re.findall("stroke-dasharray: ([0-9. ,]+)", (tmp_path / "runs.svg").read_text()))
    assert len(dashes) >= 5, "and one is solid"


def test_a_policy_may_have_any_name(tmp_path: Path) -> None:
    names = ("_nolegend_", "costs $1, then $2", "ünïcode 队列", "</text><script>alert(1)</script>")
    draw([played(run([1], [2]), name) for name in names], tmp_path / "runs.svg")
    text = (tmp_path / "runs.svg").read_text()
    assert [name for name in names if f">{escape(name)}</text>" not in text] == []
    assert "<script" not in text


@pytest.mark.parametrize("colour", COLOURS)
def test_lines_stand_out_from_white(colour: str) -> None:
    assert contrast(colour, "#ffffff") >= 3


def test_a_frontier_names_its_points_and_the_chosen_one(tmp_path: Path) -> None:
    draw_frontier(POINTS, tmp_path / "frontier.svg", "p95 of the wait")
    text = (tmp_path / "frontier.svg").read_text()
    assert re.findall(">(\\d  .*?)</text>", text) == ["1  messagesPerPod: 2", "2  messagesPerPod: 5 (chosen)"]
    assert ">p95 of the wait, in seconds</text>" in text


BEATEN = {
    "costs more": ((20, 6), True),
    "waits longer": ((25, 5), True),
    "costs less": ((25, 4), False),
    "waits less": ((19, 9), False),
    "the same": ((20, 5), False),
}


@pytest.mark.parametrize(("point", "is_beaten"), BEATEN.values(), ids=BEATEN)
def test_a_point_is_beaten_by_one_that_is_better_and_in_nothing_worse(
    point: tuple[float, float], is_beaten: bool
) -> None:
    assert beats(FrontierPoint("", 20, 5), FrontierPoint("", *point)) is is_beaten


@pytest.mark.parametrize("made", [lambda path: draw(some(), path), lambda path: draw_frontier(POINTS, path)])
def test_another_format_is_refused(made: object, tmp_path: Path) -> None:
    assert callable(made)
    with pytest.raises(PictureError, match=r"runs\.pdf: a picture's name ends in \.png or \.svg$"):
        made(tmp_path / "runs.pdf")
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw_is_drawn_too(tmp_path: Path) -> None:
    draw([], tmp_path / "empty.svg")
    draw([played(run([], [], sizes=[], seconds=0))], tmp_path / "nothing.svg")
    draw_frontier([], tmp_path / "frontier.svg")


def test_nobody_waits_for_matplotlib_who_draws_nothing() -> None:
    program = f"import sys, {pictures.__name__}; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)})


SPANS = {60: "minute", 600: "10 minutes", 1: "second", 0.5: "0.5 seconds", 7200: "2 hours", 86_400: "day"}


@pytest.mark.parametrize(("seconds", "words"), SPANS.items())
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert span(seconds) == words


CLOCKS = {
    (0, 100): "0:00",
    (90, 100): "0:01:30",
    (90_000, 100_000): "25:00",
    (90_000, 1e6): "1d 1:00",
    (172_800, 1e6): "2d",
}


@pytest.mark.parametrize(("at", "words"), CLOCKS.items(), ids=map(str, CLOCKS))
def test_times_since_the_start_are_hours_and_minutes_and_days_of_long_runs(at: tuple[int, float], words: str) -> None:
    assert clock(*at) == words
