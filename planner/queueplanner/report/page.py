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

from queueplanner.accuracy import Accuracy
from queueplanner.figures import FIGURES, SECTIONS, Figure, seconds
from queueplanner.play import Played, Scenario
from queueplanner.report import pictures
from queueplanner.report.answer import answer
from queueplanner.report.series import Series, series, tail, width
from queueplanner.results import Comparison, Result

INTERVALS = 3000
"""Of each line: 30 seconds of a day, for who looks closely."""
LONGEST_INPUT = 300
"""Characters of a value among the inputs; what is longer is cut in its middle."""


@dataclass(frozen=True, slots=True)
class About:
    """How a page was made, so that it can be made again.

    Args:
        command: The command line.
        version: Of the planner.
        scenario: What was played first.
    """

    command: str
    version: str
    scenario: Scenario


def page(comparison: Comparison, played: Sequence[Played], about: About, path: Path) -> None:
    """Write the page of a comparison.

    Args:
        comparison: The figures, and what is to be said of them.
        played: The first run of each policy, which is drawn.
        about: How the page is made.
        path: Where to.
    """
    path.write_text(document(comparison, played, about), encoding="utf-8")


def document(comparison: Comparison, played: Sequence[Played], about: About) -> str:
    """Return the page of a comparison."""
    script, slo_seconds = _part("page.js"), about.scenario.slo_seconds
    return Template(_part("page.html")).substitute(
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=_part("page.css"),
        script=script,
        answer=escape(answer(comparison.results, slo_seconds)),
        summary=escape(comparison.summary),
        table=_table(comparison),
        slo="" if slo_seconds is None else f" (straight line: the SLO, {seconds(slo_seconds)})",
        picture=_inline(pictures.runs(played, "svg")),
        distribution=_inline(pictures.distribution(played, "svg")),
        past=_past(comparison.own_past),
        remarks=_list(comparison.remarks),
        command=escape(about.command),
        inputs="\n".join(_inputs(comparison, about)),
        data=_data(played, slo_seconds),
    )


def _part(name: str) -> str:
    return (files("queueplanner.report") / "template" / name).read_text(encoding="utf-8")


# The table


def _table(comparison: Comparison) -> str:
    """Return the figures of each policy; those that say nothing are named below."""
    sections = [(title, [each for each in figures if comparison.tells(each)]) for title, figures in SECTIONS]
    shown = [figure for _, figures in sections for figure in figures]
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(figures)}">{escape(title)}</th>' for title, figures in sections if figures
    )
    columns = "".join(f'<th scope="col">{escape(figure.label)}</th>' for figure in shown)
    rows = "\n".join(_row(result, shown, comparison) for result in comparison.results)
    rest = [figure.label for figure in FIGURES if figure not in shown]
    return (
        f'<table><thead><tr><td></td>{groups}</tr><tr><th scope="col">policy</th>{columns}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody></table>\n<p>Zero or not known for all: {escape(', '.join(rest)) or 'nothing'}.</p>"
    )


def _row(result: Result, shown: Sequence[Figure], comparison: Comparison) -> str:
    cells = "".join(_cell(result, figure, comparison) for figure in shown)
    return f'<tr><th scope="row">{escape(result.name)}</th>{cells}</tr>'


def _cell(result: Result, figure: Figure, comparison: Comparison) -> str:
    value = figure.mean(result.outcomes)
    attributes = [' class="best"'] if comparison.is_best(result, figure) else []
    attributes += [] if value is None else [f' data-value="{value:.9g}"']
    return f"<td{''.join(attributes)}>{escape(figure.text(value))}</td>"


# Remarks and inputs


def _past(accuracy: Accuracy | None) -> str:
    """Return how well the planner repeats a pool's past, if that was asked."""
    if accuracy is None:
        return ""
    title = "The pool's past, as the planner repeats it"
    return f'<section aria-labelledby="past">\n<h2 id="past">{title}</h2>\n{_list(accuracy.sentences)}\n</section>\n'


def _list(texts: Iterable[str]) -> str:
    items = "\n".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>\n{items}\n</ul>" if items else "<p>Nothing.</p>"


def _inputs(comparison: Comparison, about: About) -> Iterator[str]:
    scenario, work = about.scenario, about.scenario.work
    rows: dict[str, object] = {"version": about.version, "seeds": ", ".join(map(str, comparison.seeds))}
    rows |= {field.name: getattr(scenario, field.name) for field in fields(scenario)}
    rows |= {field.name: getattr(work, field.name) for field in fields(work)}
    del rows["work"], rows["seed"]
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
        text = text.replace(f": {colour}", f": var(--line-{index})")
    return text.replace(": #ffffff", ": var(--surface)").replace(": #000000", ": var(--ink)")


def _data(played: Sequence[Played], slo_seconds: float | None) -> str:
    """Return what the script draws, as JSON that cannot end the element it stands in."""
    wide = width(played, INTERVALS)
    policies = [
        _policy(each, drawn, look)
        for each, drawn, look in zip(played, series(played, wide), cycle(pictures.looks()), strict=False)
    ]
    longest = max((each.run.seconds for each in played), default=0.0)
    drawn = {"width": wide, "seconds": longest, "slo": slo_seconds, "policies": policies}
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
