"""A page in a real browser: it is drawn, can be worked with by mouse and keyboard, and asks nobody for anything."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest

from queueplanner.loads import Steady
from queueplanner.play import Scenario
from queueplanner.report.page import About, page
from testbed.browser import MISSING, Browser, Tab, program, tab
from tests.unit.planner.builders import work
from tests.unit.planner.report.builders import comparison, played, run

HOUR = 3600
HOSTILE = "</script><img src=x onerror=alert(1)>"
WAITING, PODS, WAIT, TAIL = (f"figure[data-chart={name}]" for name in ("waiting", "pods", "wait", "tail"))
CHARTS = (WAITING, PODS, WAIT, TAIL)


@pytest.fixture(scope="module")
def browser(unavailable: Callable[[str], NoReturn]) -> Iterator[Browser]:
    found = program()
    if found is None:
        unavailable(MISSING)
    with Browser(found) as started:
        yield started


@pytest.fixture
def opened(browser: Browser) -> Iterator[Tab]:
    """Yield a tab; a page that says an error or asks for anything but itself fails."""
    with tab(browser) as made:
        yield made
    assert made.errors == []
    assert {Path(address).name for address in made.requests} <= {"report.html"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of three policies over ten hours: 100 messages wait from 5:00 on, for 20, 40 and 60 minutes."""
    random = Random(1)
    calm = sorted(random.uniform(0, 10 * HOUR) for _ in range(500))
    arrivals = sorted([*calm, *[5.0 * HOUR] * 100])
    shown = []
    for name, pods, minutes in (("mine", 2, 20), ("theirs", 4, 40), (HOSTILE, 8, 60)):
        begun = [sent + (60 * minutes if sent == 5 * HOUR else 0) for sent in arrivals]
        made = run(arrivals, begun, seconds=10 * HOUR, sizes=[(0, pods, 0), (HOUR, pods, pods)])
        shown.append(played(made, name))
    path = tmp_path_factory.mktemp("page") / "report.html"
    scenario = Scenario(Steady(1.0, 10 * HOUR), work(1.0), slo_seconds=1500)
    page(comparison(shown), shown, About("qwp simulate --html report.html", "1.2.3", scenario), path)
    return path


def lines(opened: Tab, chart: str) -> int:
    count: int = opened.run(f"document.querySelectorAll('{chart} > svg .line:not(.thin)').length")
    return count


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_drawn_and_as_wide_as_the_screen(opened: Tab, report: Path, width: int, dark: bool) -> None:
    opened.open(report, width=width, dark=dark)
    assert [lines(opened, chart) for chart in CHARTS] == [3, 3, 3, 3]
    assert opened.run("document.documentElement.scrollWidth") <= width
    assert opened.run("document.querySelectorAll('img').length") == 0, "a policy's name is a text"
    assert opened.texts("#policies label") == ["mine", "theirs", HOSTILE]


LONG = "a_name_without_a_place_to_break_" * 8


def test_long_names_and_remarks_stay_on_the_screen(opened: Tab, tmp_path: Path) -> None:
    shown = [played(run([1, 2], [2, 3]), LONG), played(run([1, 2], [2, 3]), LONG * 2)]
    about = About(f"qwp simulate -f {LONG}", "1.2.3", Scenario(Steady(1.0, 100), work(1.0)))
    page(comparison(shown, LONG), shown, about, tmp_path / "report.html")
    opened.open(tmp_path / "report.html", width=400)
    assert opened.run("document.documentElement.scrollWidth") == 400


def test_nothing_to_draw_is_a_page_too(opened: Tab, tmp_path: Path) -> None:
    shown = [played(run([], [], sizes=[], seconds=0))]
    about = About("qwp simulate", "1.2.3", Scenario(Steady(1.0, 100), work(1.0)))
    page(comparison(shown), shown, about, tmp_path / "report.html")
    opened.open(tmp_path / "report.html")
    assert opened.texts("tbody th")[0] == "fixed"


def test_without_scripts_it_shows_pictures_and_the_table(opened: Tab, report: Path) -> None:
    opened.open(report, scripts=False)
    shown = "[...document.querySelectorAll('.static svg, .live')].map(it => it.checkVisibility())"
    assert opened.run(shown) == [False, False, True, False, True]
    assert "mine" in opened.texts("tbody th")


def test_the_colours_follow_the_system_and_the_switch(opened: Tab, report: Path) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    shots = {}
    for dark in (False, True):
        opened.open(report, dark=dark)
        shots[opened.run(back)] = opened.screenshot()
    assert list(shots) == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]
    assert len(set(shots.values())) == 2
    for scheme, colour in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 29)")):
        opened.run(f"scheme.value = '{scheme}'; scheme.dispatchEvent(new Event('change'))")
        assert opened.run(back) == colour


def test_a_policy_can_be_left_out(opened: Tab, report: Path) -> None:
    opened.open(report)
    opened.click("#policies label:last-of-type input")
    assert [lines(opened, chart) for chart in CHARTS] == [2, 2, 2, 2]
    opened.click("#policies label:last-of-type input")
    assert [lines(opened, chart) for chart in CHARTS] == [3, 3, 3, 3]


def test_a_part_of_the_time_can_be_chosen_with_the_mouse(opened: Tab, report: Path) -> None:
    opened.open(report)
    assert opened.texts("#shown") == ["0:00 to 10:00 since the start"]
    opened.drag(f"{WAITING} > svg", 0.5, 0.6)
    [shown] = opened.texts("#shown")
    assert shown == "4:51 to 5:55:30 since the start"
    assert opened.texts(".each") == ["30 seconds"] * 3, "what is closer is shown more finely"
    opened.click("[data-move=whole]")
    assert opened.texts("#shown") == ["0:00 to 10:00 since the start"]


MOVES = {"earlier": "0:00 to 5:00", "later": "5:00 to 10:00", "closer": "3:45 to 6:15", "wider": "0:00 to 10:00"}


@pytest.mark.parametrize(("move", "expected"), MOVES.items(), ids=MOVES)
def test_the_buttons_move_the_time_within_its_bounds(opened: Tab, report: Path, move: str, expected: str) -> None:
    opened.open(report)
    opened.click("[data-move=closer]")
    assert opened.texts("#shown") == ["2:30 to 7:30 since the start"]
    opened.click(f"[data-move={move}]")
    assert opened.texts("#shown") == [f"{expected} since the start"]


def test_the_keyboard_moves_along_a_chart_and_the_time(opened: Tab, report: Path) -> None:
    opened.open(report)
    opened.run(f"document.querySelector('{PODS} > svg').focus()")
    opened.press("+")
    opened.press("ArrowRight", shift=True)
    assert opened.texts("#shown") == ["5:00 to 10:00 since the start"]
    opened.press("ArrowRight")
    opened.press("ArrowRight")
    assert opened.texts(f"{PODS} .tip div:first-child") == ["5:02 to 5:04"]
    opened.press("Escape")
    assert opened.texts("#shown") == ["0:00 to 10:00 since the start"]


HOVERED = {
    WAITING: ["100", "100", "100"],
    PODS: ["2 (2 to 2), asked 2", "4 (4 to 4), asked 4", "8 (8 to 8), asked 8"],
    WAIT: ["1,200 s", "2,400 s", "3,600 s"],
}


@pytest.mark.parametrize(("chart", "values"), HOVERED.items(), ids=HOVERED)
def test_the_mouse_shows_the_values_at_a_time(opened: Tab, report: Path, chart: str, values: list[str]) -> None:
    opened.open(report)
    opened.hover(f"{chart} > svg", 0.515)
    assert opened.texts(f"{chart} .tip div:first-child") == ["5:00 to 5:05"]
    assert opened.texts(f"{chart} .tip b") == values
    opened.hover("h1", 0.5)
    assert opened.run(f"document.querySelector('{chart} .tip').checkVisibility()") is False


def test_the_mouse_shows_how_many_waited_longer(opened: Tab, report: Path) -> None:
    opened.open(report)
    opened.hover(f"{TAIL} > svg", 0.9)
    [longer] = opened.texts(f"{TAIL} .tip div:first-child")
    assert longer.startswith("longer than 1")
    assert set(opened.texts(f"{TAIL} .tip b")) <= {"17 %", "0 %"}


def test_the_table_is_sorted_by_what_is_clicked(opened: Tab, report: Path) -> None:
    opened.open(report)
    longest = "thead tr:last-child th:nth-child(6)"
    names = []
    for _ in range(2):
        opened.click(f"{longest} button")
        names.append((opened.run(f"document.querySelector('{longest}').ariaSort"), opened.texts("tbody th")[:3]))
    upwards = ["mine", "theirs", HOSTILE]
    assert names == [("ascending", upwards), ("descending", upwards[::-1])]


def test_it_can_be_printed_on_white(opened: Tab, report: Path) -> None:
    opened.open(report, dark=True)
    opened.ask("Emulation.setEmulatedMedia", media="print")
    opened.settle()
    assert opened.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.run("document.getElementById('moves').querySelector('button').checkVisibility()") is False
