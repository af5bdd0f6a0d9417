"""Fills page.md.template with what the architectures did: each figure on docs/modernize.md is from a run, or was given.

`docs/generate.py` and `python -m examples.modernize` call `files`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from examples.modernize import architectures as example
from examples.modernize.architectures import HOUR
from examples.modernize.picture import picture
from examples.modernize.results import LONGER, Result, others, result

ROOT = Path(__file__).parents[2]
TEMPLATE = example.HERE / "page.md.template"
PAGE, PICTURE = ROOT / "docs" / "modernize.md", ROOT / "docs" / "img" / "modernize.svg"
MINUTE = 60.0
WAITS = ("wait: p50", "p95", "p99", "longest")


@dataclass(frozen=True, slots=True)
class Said:
    """What the page says of an architecture. `outage`, `batch` and `campaign`: the longest wait of these jobs."""

    cost: str
    hours: str
    p50: str
    p95: str
    p99: str
    longest: str
    above: str
    within: str
    repeated: str
    writes: str
    outage: str
    batch: str
    campaign: str
    forgotten: str


def files() -> dict[Path, str]:
    """Play the day; return the page and its picture."""
    results = {each.letter: result(each) for each in example.architectures()}
    drawn = picture([(each.architecture, each.played.run) for each in results.values()])
    said = {letter: _said(each) for letter, each in results.items()}
    tables = {
        "results": _table(
            ("", "machine-hours", "USD", *WAITS, f"over {span(example.SLO_SECONDS)}", "begun again", "new sizes"),
            _rows(said),
        ),
        "otherwise": _table(("", *results), _otherwise(results)),
        "others": _table(
            ("[preset](planner.md#which-policies)", "machine-hours", "USD", *WAITS, "begun again"), _others()
        ),
    }
    page = TEMPLATE.read_text().format_map(_given(results["B"]) | said | tables)
    return {PAGE: page, PICTURE: drawn}


def _given(any_result: Result) -> dict[str, object]:
    """Return what the day was given."""
    work = example.WORK
    return {
        "jobs": f"{len(any_result.played.run.arrivals):,}",
        "work_hours": f"{any_result.work_hours:.0f}",
        "service": span(work.service.mean_seconds),
        "startup": span(work.startup.mean_seconds),
        "grace": span(work.grace_seconds),
        "visibility": span(work.visibility_seconds),
        "heartbeat": span(example.PRIMARY.heartbeat_seconds),
        "machine_hour": f"{example.PRICES.pod_hour:g}",
        "slo": span(example.SLO_SECONDS),
        "batch_at": _clock(example.BATCH[0]),
        "campaign_at": _clock(example.CAMPAIGN[0]),
        "outage_at": _clock(example.OUTAGE[0]),
        "outage": span(example.OUTAGE[1] - example.OUTAGE[0]),
        "node_lost_at": _clock(example.NODE_LOST_AT),
        "most": example.MOST,
        "fixed": example.FIXED,
    }


def _said(each: Result) -> Said:
    found, wait, part = each.outcome, each.wait, each.architecture
    above = found.above_slo or 0.0
    return Said(
        cost=f"{found.cost:.2f}",
        hours=f"{found.pod_hours:.0f}",
        p50=span(wait.p50),
        p95=span(wait.p95),
        p99=span(wait.p99),
        longest=span(wait.longest),
        above=_percent(above),
        within=_percent(1 - above),
        repeated=f"{found.repeated}",
        writes=f"{found.scale_writes}",
        outage=span(each.longest_wait(example.OUTAGE)),
        batch=span(each.longest_wait(example.BATCH)),
        campaign=span(each.longest_wait(example.CAMPAIGN)),
        forgotten=f"{result(example.forgetful(part)).outcome.lost}" if part.has_primary else "none",
    )


def _rows(said: Mapping[str, Said]) -> Iterator[tuple[str, ...]]:
    for letter, of in said.items():
        waits = (of.p50, of.p95, of.p99, of.longest)
        yield letter, of.hours, of.cost, *waits, of.above, of.repeated, of.writes


def _otherwise(results: Mapping[str, Result]) -> Iterator[tuple[str, ...]]:
    parts = [each.architecture for each in results.values()]
    yield "as above", *map(_short, results.values())
    yield "other chance", *(_short(result(part, seed=2)) for part in parts)
    yield "jobs take twice as long", *(_short(result(part, work=LONGER)) for part in parts)
    yield "busy nodes are spared", *(_short(result(example.sparing(part))) for part in parts)


def _short(each: Result) -> str:
    found = each.outcome
    waits = "over a day" if 100 * found.unhandled > found.messages else span(each.wait.p99)
    return f"{waits}, {found.cost:.2f}"


def _others() -> Iterator[tuple[str, ...]]:
    for each in others():
        of = _said(each)
        yield f"`{each.architecture.letter}`", of.hours, of.cost, of.p50, of.p95, of.p99, of.longest, of.repeated


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows))


def span(seconds: float) -> str:
    """Return a time as people say it."""
    whole = round(seconds)
    if whole < 10 * MINUTE and (whole % MINUTE or whole < 2 * MINUTE):
        return f"{whole} s"
    return f"{whole / MINUTE:.0f} min" if whole < 2 * HOUR else f"{whole / HOUR:.1f} h"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _clock(time: float) -> str:
    return f"{int(time // HOUR):02}:{int(time % HOUR // MINUTE):02}"
