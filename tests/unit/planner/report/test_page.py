"""The page of a comparison is one file that says it all, and lets nothing from outside in."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest

from queueplanner.accuracy import Accuracy, Pair
from queueplanner.loads import Steady
from queueplanner.play import Played, Scenario
from queueplanner.report.page import About, document, page
from queueplanner.results import Comparison, Result
from tests.unit.planner.builders import work
from tests.unit.planner.report.builders import NEVER, comparison, contrast, played, run

HOSTILE = "</script><img src=x onerror=alert(1)>"


def about(command: str = "qwp simulate --html report.html") -> About:
    return About(command, "1.2.3", Scenario(Steady(1.0, 100), work(2.0), slo_seconds=10))


def made(*shown: Played, notes: Sequence[str] = (), **of: str) -> str:
    return document(comparison(shown, *notes), shown, about(**of))


class Parsed(HTMLParser):
    """The elements of a page with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def data(text: str) -> Any:
    found = re.search('<script id="data" type="application/json">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


@pytest.fixture(scope="module")
def text() -> str:
    """Return the page of a policy whose message waits for a second, and one where it waits for five."""
    return made(played(run([0], [1]), "quick"), played(run([0], [5]), "slow"), notes=["a note"])


def test_it_is_complete_without_a_script(text: str) -> None:
    parsed = Parsed(text)
    words = " ".join(parsed.words)
    for expected in (
        "at the lowest cost",
        "a note",
        "qwp simulate --html report.html",
        "1.2.3",
        "Steady(per_second=1.0",
    ):
        assert expected in words
    assert len(parsed.all("svg")) == 2, "what happened over time, and how long messages waited"
    scopes = [head.get("scope") for head in parsed.all("th")]
    assert None not in scopes, "each header says of what it is one"
    assert scopes.count("row") > 2


def test_it_loads_nothing_and_runs_only_its_own_script(text: str) -> None:
    parsed = Parsed(text)
    [policy] = [each["content"] for each in parsed.all("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"link", "img", "iframe", "object", "embed", "base", "form", "image"}
    loading = [
        value for _, attributes in parsed.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert loading == []


def test_names_are_texts_wherever_they_stand() -> None:
    shown = played(run([1], [2]), HOSTILE)
    text = made(shown, notes=[HOSTILE], command=HOSTILE)
    parsed = Parsed(text)
    assert not parsed.all("img")
    assert len(parsed.all("script")) == 2
    assert data(text)["policies"][0]["name"] == HOSTILE


def test_what_is_best_is_marked_and_what_is_the_same_for_all_is_not(text: str) -> None:
    rows = re.findall("<tr><th scope=.row.>(quick|slow)</th>(.*?)</tr>", text)
    best = {name: re.findall('class="best" data-value="([^"]*)"', cells) for name, cells in rows}
    assert best == {"quick": ["1"] * 4 + ["2"] * 4, "slow": []}


def test_what_says_nothing_is_named_below_the_table(text: str) -> None:
    [rest] = re.findall("<p>Zero or not known for all: (.*?)</p>", text)
    assert "lost" in rest
    assert "pod-hours" not in rest


def test_figures_are_means_of_all_runs() -> None:
    first, second = played(run([0], [1])), played(run([0], [4]))
    several = Comparison("a load", 100.0, range(7, 9), [Result("mine", [first.outcome, second.outcome])], ())
    text = document(several, [first], about())
    assert "means of 2 runs" in text
    assert 'data-value="2.5"' in text
    assert "<td>7, 8</td>" in text


def test_how_well_the_past_of_a_pool_is_repeated_is_said(text: str) -> None:
    past = Accuracy(100, 0.95, 0.97, Pair(2, 2), Pair(1, 1), None, None, ("nodes",))
    shown = played(run([0], [1]))
    told = document(replace(comparison([shown]), own_past=past), [shown], about())
    for line in past.sentences:
        assert f"<li>{escape(line)}</li>" in told
    assert "past" not in text, "where there is none"


def test_the_script_gets_intervals_and_nothing_that_json_does_not_know() -> None:
    drawn = data(made(played(run([1], [NEVER], sizes=[(0, 3, 0), (50, 3, 2)]))))
    [policy] = drawn["policies"]
    assert (drawn["width"], drawn["seconds"], drawn["slo"]) == (0.1, 100, 10)
    assert (policy["waiting"][9:11], policy["wait"][9:12], policy["ready"][499:501]) == (
        [0, 1],
        [None, 99, None],
        [0, 2],
    )


def test_a_restless_day_of_five_policies_is_below_one_megabyte(tmp_path: Path) -> None:
    """How many messages there are makes no difference: `test_series` tries a million."""
    random = Random(1)
    arrivals = sorted(random.random() * 86_400 for _ in range(20_000))
    begun = [sent + random.random() * 60_000 for sent in arrivals]
    sizes = [(at, random.randrange(100), random.randrange(100)) for at in range(0, 86_400, 15)]
    shown = played(run(arrivals, begun, seconds=86_400, sizes=sizes))
    page(comparison([shown] * 5), [shown] * 5, about(), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 1e6


COLOURS = re.findall(
    r"--(line-\d|ink|muted): light-dark\((#\w+), (#\w+)\)",
    (Path(__file__).parents[4] / "planner/queueplanner/report/template/page.css").read_text(),
)


@pytest.mark.parametrize(("name", "light", "dark"), COLOURS, ids=[name for name, *_ in COLOURS])
def test_lines_and_texts_stand_out_in_light_and_dark(name: str, light: str, dark: str) -> None:
    enough = 3 if name.startswith("line") else 4.5
    assert contrast(light, "#ffffff") >= enough
    assert contrast(dark, "#14181d") >= enough
