"""What `qwp recommend` prints: a recommendation as text for people, as YAML for kubectl, and as JSON. Pure."""

import math
from collections.abc import Iterable, Iterator, Sequence
from textwrap import indent, wrap
from typing import Any

from queueplanner.commands.recommending import Recommendation
from queueplanner.figures import FIGURES, amount, count, seconds, share
from queueplanner.loads import DAY_SECONDS
from queueplanner.outcome import Outcome
from queueplanner.recommend import Answer, Effect, Expected, Row, settings
from queueplanner.report.pictures import FrontierPoint
from queueworkerpool.importing.manifests import write
from queueworkerpool.show.text import printable, table

WIDTH = 100
NEVER = "never"
CHOSEN, JUDGED = "chosen on", "judged on"


def manifest(found: Recommendation) -> str:
    """Return the manifest to apply, as YAML, with what it is for above it."""
    answer = found.answer
    return write(answer.manifest, [f"qwp recommend: {_promise(answer)}", _verdict(answer)], {})


def lines(found: Recommendation) -> Iterator[str]:
    """Yield the lines: the answer, the manifest, and why it is that one."""
    answer = found.answer
    yield from _paragraph(f"{_promise(answer)}, for {printable(found.load)}: {_verdict(answer)}")
    for obstacle in answer.obstacles:
        yield from _item(obstacle)
    yield from ("", "The manifest, which `-o yaml` prints alone:", "")
    yield from indent(write(answer.manifest, (), {}), "  ").splitlines()
    yield from ("", "What it does, and what others do:", "")
    yield from _expectations(answer)
    yield from ("", *_paragraph(_sureness(answer)))
    yield from ("", "What another promise would cost:", "")
    yield from _frontier(answer)
    yield from ("", "What if an assumption is wrong, and the manifest stays:", "")
    yield from _effects(answer)
    yield from ("", *_paragraph(_worst(answer)))
    yield from ("", "To be known:")
    for note in _notes(found):
        yield from _item(note)


def document(found: Recommendation) -> dict[str, Any]:
    """Return the whole as JSON; null is what is not known, or for ever."""
    answer = found.answer
    policies = (answer.expected, answer.before, *answer.rivals)
    return {
        "slo": {"share": answer.slo.share, "seconds": answer.slo.seconds},
        "load": found.load,
        "manifest": answer.manifest,
        "kept": {"chosenOn": answer.is_kept, "judgedOn": answer.is_kept_elsewhere},
        "seconds": dict(zip(("chosenOn", "judgedOn"), answer.seconds, strict=True)),
        "policies": [
            {"name": each.name, "chosenOn": _figures(each.chosen_on), "judgedOn": _figures(each.judged_on)}
            for each in policies
        ],
        "frontier": [_row_document(row) for row in answer.frontier],
        "assumptions": [_effect_document(each) for each in answer.effects],
        "worst": answer.worst.otherwise,
        "obstacles": list(answer.obstacles),
        "notes": _notes(found),
        "runs": _runs(answer),
    }


def _notes(found: Recommendation) -> list[str]:
    notes = [*found.answer.notes, *found.assumed]
    if (lasts := found.answer.seconds[0]) < DAY_SECONDS:
        notes.append(f"a day's cost is that of such loads one after the other, and this one lasts {seconds(lasts)}")
    return notes


def _figures(outcome: Outcome) -> dict[str, float | None]:
    return {figure.key: figure.value(outcome) for figure in FIGURES}


def _row_document(row: Row) -> dict[str, Any]:
    return {
        "seconds": row.slo.seconds,
        "kept": row.kept,
        "waited": _finite(row.slo.waited(row.tried.outcome)),
        "cost": row.tried.outcome.cost,
        "spec": row.tried.manifest["spec"],
    }


def _runs(answer: Answer) -> dict[str, int]:
    runs = answer.runs
    return {"ofExcerpts": runs.of_excerpts, "ofWholes": runs.of_wholes, "messages": runs.messages}


def _effect_document(each: Effect) -> dict[str, Any]:
    return {
        "otherwise": each.otherwise,
        "kept": each.kept,
        "waited": _finite(each.waited),
        "cost": each.outcome.cost,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _promise(answer: Answer) -> str:
    return f"the {answer.slo.share} of the wait within {seconds(answer.slo.seconds)}"


def _verdict(answer: Answer) -> str:
    waited = _wait(answer.slo.waited(answer.expected.chosen_on))
    cost, _ = answer.daily(answer.expected)
    before, _ = answer.daily(answer.before)
    if not answer.is_kept:
        return f"nothing that was tried keeps it. The best is {waited}, for {amount(cost)} a day"
    was = f"{answer.before.name}: {_wait(answer.slo.waited(answer.before.chosen_on))}, for {amount(before)}"
    return f"kept with {waited}, for {amount(cost)} a day ({was})"


def _expectations(answer: Answer) -> list[str]:
    head = ("POLICY", "PART", "P50", "P95", "P99", "MAX", "ABOVE SLO", "PODS", "COST/DAY", "CHANGES/DAY")
    rows = [(answer.expected, CHOSEN), (answer.expected, JUDGED)]
    rows += [(each, JUDGED) for each in (answer.before, *answer.rivals)]
    return table(head, (_expectation(answer, each, part) for each, part in rows))


def _expectation(answer: Answer, of: Expected, part: str) -> Sequence[str]:
    place = (CHOSEN, JUDGED).index(part)
    outcome, days = (of.chosen_on, of.judged_on)[place], answer.seconds[place] / DAY_SECONDS
    wait = outcome.wait
    waits = [seconds(each) for each in (wait.p50, wait.p95, wait.p99, wait.longest)] if wait else [NEVER] * 4
    above = share(outcome.above_slo or 0.0)
    pods = amount(outcome.pod_hours / days / 24)
    return (of.name, part, *waits, above, pods, amount(outcome.cost / days), count(round(outcome.scale_writes / days)))


def _sureness(answer: Answer) -> str:
    waited = _wait(answer.slo.waited(answer.expected.judged_on))
    expected, found = answer.daily(answer.expected)
    said = f"How sure: on the part of the load that it was not chosen on, the {answer.slo.share} is {waited}"
    said += f" and a day costs {amount(found)}."
    if answer.is_kept and not answer.is_kept_elsewhere:
        return f"{said} That breaks the promise: take a stricter row of the frontier below, or give a longer load."
    if not answer.costs_as_expected:
        return f"{said} {amount(expected)} were expected: the two parts differ, so give a longer load."
    return f"{said} That is as expected."


def _frontier(answer: Answer) -> list[str]:
    days = answer.seconds[0] / DAY_SECONDS
    return table(
        (f"{answer.slo.share.upper()} WITHIN", "IS", "COST/DAY", "SETTINGS"),
        (_row(answer, row, days) for row in answer.frontier),
    )


def _row(answer: Answer, row: Row, days: float) -> Sequence[str]:
    outcome = row.tried.outcome
    asked = " (asked for)" if row.slo == answer.slo else ""
    promise = f"{seconds(row.slo.seconds)}{asked}"
    waited = _wait(row.slo.waited(outcome))
    if not row.kept:
        return (promise, f"{waited} at best", "-", "-")
    return (promise, waited, amount(outcome.cost / days), settings(row.tried.manifest))


def _effects(answer: Answer) -> list[str]:
    days = answer.seconds[0] / DAY_SECONDS
    return table(
        ("IF", answer.slo.share.upper(), "COST/DAY", "PROMISE"),
        (
            (each.otherwise, _wait(each.waited), amount(each.outcome.cost / days), "kept" if each.kept else "broken")
            for each in sorted(answer.effects, key=lambda each: each.weight, reverse=True)
        ),
    )


def _worst(answer: Answer) -> str:
    worst, days = answer.worst, answer.seconds[0] / DAY_SECONDS
    now, _ = answer.daily(answer.expected)
    then = worst.outcome.cost / days
    broken = "" if worst.kept else ", and the promise is broken"
    waits = (
        f"the {answer.slo.share} is {_wait(worst.waited)} and not {_wait(answer.slo.waited(answer.expected.chosen_on))}"
    )
    return f"What matters most: if {worst.otherwise}, {waits}, for {amount(then)} a day and not {amount(now)}{broken}."


def _wait(waited: float) -> str:
    return seconds(waited) if math.isfinite(waited) else NEVER


def _paragraph(text: str) -> Iterable[str]:
    return wrap(text[0].upper() + text[1:], WIDTH)


def _item(text: str) -> Iterable[str]:
    return wrap(printable(text), WIDTH, initial_indent="- ", subsequent_indent="  ")


def points(answer: Answer) -> list[FrontierPoint]:
    """Return the frontier as it is drawn: a point for each setting, with what is there now beside them."""
    kept = {settings(row.tried.manifest): row for row in answer.frontier if row.kept}
    drawn = [
        FrontierPoint(
            settings(row.tried.manifest),
            answer.slo.waited(row.tried.outcome),
            row.tried.outcome.cost,
            chosen=settings(row.tried.manifest) == settings(answer.manifest),
        )
        for row in kept.values()
    ]
    was, waited = answer.before, answer.slo.waited(answer.before.chosen_on)
    return [*drawn, *([FrontierPoint(was.name, waited, was.chosen_on.cost)] if math.isfinite(waited) else [])]
