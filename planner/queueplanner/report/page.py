"""Makes the page of a comparison: one file that needs no network, and no script to be read.

`page` writes it. Every text from outside is escaped, and the page's own policy lets nothing run or load but what is in
the file. The script draws the same lines as the picture, which it replaces, in more detail.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from html import escape
from importlib.resources import files
from itertools import cycle
from math import isnan
from pathlib import Path
from reprlib import Repr
from string import Template
from typing import Any

from queueplanner.figures import SECTIONS, Figure
from queueplanner.outcome import Outcome
from queueplanner.play import Played, Scenario
from queueplanner.report import pictures
from queueplanner.report.answer import answer
from queueplanner.report.series import Series, series, tail, width

INTERVALS = 3000
"""Of each line: 30 seconds of a day, for who looks closely."""
LONGEST_INPUT = 300
"""Characters of a value among the inputs; what is longer is cut in its middle."""


@dataclass(frozen=True, slots=True)
class About:
    """How a page was made.

    Args:
        command: The command line.
        version: Of the planner.
        scenario: What was played.
        notes: What could not be checked or is not known, in sentences.
    """

    command: str
    version: str
    scenario: Scenario
    notes: Sequence[str] = ()


def page(played: Sequence[Played], about: About, path: Path) -> None:
    """Write the page of a comparison."""
    path.write_text(document(played, about), encoding="utf-8")


def document(played: Sequence[Played], about: About) -> str:
    """Return the page of a comparison."""
    style, script = _part("page.css"), _part("page.js")
    outcomes = [each.outcome for each in played]
    return Template(_part("page.html")).substitute(
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=style,
        script=script,
        answer=escape(answer(outcomes, about.scenario.slo_seconds)),
        table=_table(outcomes),
        picture=_inline(pictures.runs(played, "svg")),
        distribution=_inline(pictures.distribution(played, "svg")),
        notes=_list(_notes(played, about)),
        command=escape(about.command),
        inputs="\n".join(_inputs(about)),
        data=_data(played, about.scenario.slo_seconds),
    )


def _part(name: str) -> str:
    return (files("queueplanner.report") / "template" / name).read_text(encoding="utf-8")


# The table


def _table(outcomes: Sequence[Outcome]) -> str:
    """Return the figures of each policy; those that say nothing are named below."""
    sections = [(title, _telling(figures, outcomes)) for title, figures in SECTIONS]
    shown = [figure for _, figures in sections for figure in figures]
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(figures)}">{escape(title)}</th>' for title, figures in sections if figures
    )
    columns = "".join(f'<th scope="col">{escape(figure.label)}</th>' for figure in shown)
    rows = "\n".join(_row(outcome, shown, outcomes) for outcome in outcomes)
    rest = [figure.label for _, figures in SECTIONS for figure in figures if figure not in shown]
    return (
        f'<table><thead><tr><td></td>{groups}</tr><tr><th scope="col">policy</th>{columns}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table>\n<p>Zero or not known for all: {escape(', '.join(rest)) or 'nothing'}.</p>"
    )


def _telling(figures: Sequence[Figure], outcomes: Sequence[Outcome]) -> list[Figure]:
    return [figure for figure in figures if any(map(figure.value, outcomes))]


def _row(outcome: Outcome, shown: Sequence[Figure], outcomes: Sequence[Outcome]) -> str:
    cells = "".join(_cell(figure, figure.value(outcome), outcomes) for figure in shown)
    return f'<tr><th scope="row">{escape(outcome.policy)}</th>{cells}</tr>'


def _cell(figure: Figure, value: float | None, outcomes: Sequence[Outcome]) -> str:
    """Return a cell; what is best of several is marked."""
    known = [each for outcome in outcomes if (each := figure.value(outcome)) is not None]
    best = value is not None and len(set(known)) > 1 and value == min(known)
    attributes = [' class="best"'] if best else []
    attributes += [] if value is None else [f' data-value="{value:.9g}"']
    return f"<td{''.join(attributes)}>{escape(figure.text(value))}</td>"


# Notes and inputs


def _notes(played: Sequence[Played], about: About) -> Iterator[str]:
    yield from about.notes
    yield from about.scenario.load.notes
    for each in played:
        yield from (f"{each.candidate.name}: {sentence}" for sentence in each.candidate.unchecked)


def _list(sentences: Iterable[str]) -> str:
    items = "\n".join(f"<li>{escape(sentence)}</li>" for sentence in dict.fromkeys(sentences))
    return f"<ul>\n{items}\n</ul>" if items else "<p>Nothing is known that could not be checked.</p>"


def _inputs(about: About) -> Iterator[str]:
    scenario = about.scenario
    rows: dict[str, object] = {"version": about.version, "load": scenario.load}
    rows |= {field.name: getattr(scenario.work, field.name) for field in fields(scenario.work)}
    rows |= {field.name: getattr(scenario, field.name) for field in fields(scenario) if field.name != "work"}
    short = Repr()
    short.maxother = LONGEST_INPUT
    for name, value in rows.items():
        text = value if isinstance(value, str) else short.repr(value)
        yield f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td>{escape(text)}</td></tr>'


# What is drawn


def _inline(svg: bytes) -> str:
    """Return a picture as a part of the page, in the page's colours."""
    text = svg.decode()
    text = text[text.index("<svg") :]
    for index, colour in enumerate(pictures.COLOURS):
        text = text.replace(colour, f"var(--line-{index})")
    return text.replace("#ffffff", "var(--surface)").replace("#000000", "var(--ink)")


def _data(played: Sequence[Played], slo_seconds: float | None) -> str:
    """Return what the script draws, as JSON that cannot end the element it stands in."""
    wide = width(played, INTERVALS)
    policies = [
        _policy(each, drawn, look)
        for each, drawn, look in zip(played, series(played, wide), cycle(pictures.looks()), strict=False)
    ]
    seconds = max((each.run.seconds for each in played), default=0.0)
    drawn = {"width": wide, "seconds": seconds, "slo": slo_seconds, "policies": policies}
    return json.dumps(drawn, separators=(",", ":")).replace("<", "\\u003c")


def _policy(played: Played, drawn: Series, look: pictures.Look) -> dict[str, Any]:
    waits = tail(played.run)
    return {
        "name": played.candidate.name,
        "colour": look.colour,
        "dashes": look.dashes,
        "waiting": _numbers(drawn.waiting, 0),
        "asked": _numbers(drawn.asked, 2),
        "ready": _numbers(drawn.ready, 2),
        "least": _numbers(drawn.least_ready, 0),
        "most": _numbers(drawn.most_ready, 0),
        "wait": _numbers(drawn.wait, 1),
        "tail": {"seconds": _numbers(waits.seconds, 2), "shares": _numbers(waits.shares, 7)},
    }


def _numbers(values: Sequence[float], digits: int) -> list[float | int | None]:
    """Return numbers as short as they can be; None is what is not known."""
    rounded = (None if isnan(value) else round(value, digits) for value in values)
    return [int(value) if value is not None and value == int(value) else value for value in rounded]
