"""A comparison as text for people: figures as rows, policies as columns, a star beside the best of a row. Pure."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from queueplanner.figures import FIGURES, SECTIONS, Figure
from queueplanner.results import Comparison, Result
from queueworkerpool.show.text import printable

WIDTH = 100
STAR = " *"
_LABELS = 2 + max(len(figure.label) for _, figures in SECTIONS for figure in figures)
_GAP = 2
_LISTED = [(section, figure) for section, figures in SECTIONS for figure in figures]
_LONGEST_NAME = WIDTH - _LABELS - _GAP - len(STAR)
_LEGEND = "* the best of its row, of the policies that handled all messages if there are such"


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield the lines: the load, the table, and what is to be said of it."""
    yield from wrap(printable(comparison.summary), WIDTH)
    for block in _blocks(comparison.results):
        yield ""
        yield from _table(block, comparison)
    yield ""
    if len(comparison.results) > 1:
        yield _LEGEND
    if silent := [_named(section, each) for section, each in _LISTED if not comparison.tells(each)]:
        yield from wrap(f"zero, or not known: {'; '.join(silent)}", WIDTH)
    if comparison.own_past:
        yield from _listed("The planner beside the pool's own past:", comparison.own_past.sentences)
    yield from _listed("To be known:", comparison.remarks)


def _listed(head: str, texts: Sequence[str]) -> Iterator[str]:
    if texts:
        yield from ("", head)
    for text in texts:
        yield from wrap(printable(text), WIDTH, initial_indent="- ", subsequent_indent="  ")


def _blocks(results: Sequence[Result]) -> Iterator[Sequence[Result]]:
    """Yield as many policies at a time as a line has room for."""
    room, block = WIDTH - _LABELS, list[Result]()
    for result in results:
        if block and room < _width(result):
            yield block
            room, block = WIDTH - _LABELS, []
        block.append(result)
        room -= _width(result)
    yield block


def _width(result: Result) -> int:
    shown = (figure.text(figure.mean(result.outcomes)) for _, figures in SECTIONS for figure in figures)
    return _GAP + max(len(_name(result)), *(len(text) for text in shown)) + len(STAR)


def _name(result: Result) -> str:
    return cut(printable(result.name), _LONGEST_NAME)


def cut(text: str, most: int) -> str:
    """Return a text of so many characters at most: names differ at their ends, so it is cut in its middle."""
    if len(text) <= most:
        return text
    before = most // 2
    return f"{text[:before]}…{text[before + 1 - most :]}"


def _named(section: str, figure: Figure) -> str:
    """Return what a figure is called outside of its section, which is told where others are called the same."""
    if sum(each.label == figure.label for each in FIGURES) == 1:
        return figure.label
    return f"{section.partition(',')[0]} {figure.label}"


def _table(block: Sequence[Result], comparison: Comparison) -> Iterator[str]:
    widths = [_width(result) for result in block]
    names = "".join(
        f"{_name(result):>{width - len(STAR)}}{'':{len(STAR)}}" for result, width in zip(block, widths, strict=True)
    )
    yield f"{'':{_LABELS}}{names}".rstrip()
    for section, figures in SECTIONS:
        told = [figure for figure in figures if comparison.tells(figure)]
        yield from [section] if told else []
        for figure in told:
            cells = (_cell(figure, result, comparison, width) for result, width in zip(block, widths, strict=True))
            yield f"  {figure.label:{_LABELS - 2}}{''.join(cells)}".rstrip()


def _cell(figure: Figure, result: Result, comparison: Comparison, width: int) -> str:
    text = figure.text(figure.mean(result.outcomes))
    return f"{text:>{width - len(STAR)}}{STAR if comparison.is_best(result, figure) else '':{len(STAR)}}"
