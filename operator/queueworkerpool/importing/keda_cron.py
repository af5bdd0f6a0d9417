"""KEDA's cron triggers, which a pool has as `schedules`. Pure. `keda` calls it.

KEDA names a start and an end, a pool a start and a duration. Both raise the least pods for that time.
"""

import re

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.importing.draft import Bound, Draft
from queueworkerpool.importing.rules import Rule, carried, losses, unneeded
from queueworkerpool.importing.source import Path, RefusedError, SourceObject
from queueworkerpool.schedules import durations

RULES: tuple[Rule, ...] = (
    carried("type", "schedules"),
    carried("name", "schedules[].name"),
    carried("metadata.timezone", "schedules[].timeZone"),
    carried("metadata.start", "schedules[].cron"),
    carried("metadata.end", "schedules[].durationSeconds", "The time from a start to the end after it."),
    carried("metadata.desiredReplicas", "schedules[].minReplicas"),
    unneeded("metricType", "A schedule has no metric."),
    unneeded("useCachedMetrics", "A schedule has no metric."),
)

START, END, ZONE = "0 8 * * 1-5", "0 18 * * 1-5", "Europe/Berlin"
"""Examples of what may be written."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SECONDS = Bound(60, 2_678_400)
_MOST_SCHEDULES = 20


def put_schedules(draft: Draft, triggers: list[Path], most: int) -> None:
    """Set the pool's schedules from these triggers; `most` is its maxReplicas."""
    if len(triggers) > _MOST_SCHEDULES:
        raise RefusedError(triggers[0][:-1], f"a pool takes at most {_MOST_SCHEDULES} schedules: remove cron triggers")
    schedules: list[dict[str, object]] = []
    for at in triggers:
        for path, text in losses(draft.source.mapping(at), at, RULES):
            draft.note(path, text)
        schedule = _schedule(draft, at, most, {str(each["name"]) for each in schedules})
        draft.origins |= {("spec", "schedules", len(schedules), key): path for key, (_, path) in schedule.items()}
        schedules.append({key: value for key, (value, _) in schedule.items()})
    if schedules:
        draft.put(("spec", "schedules"), schedules, triggers[0])


def _schedule(draft: Draft, at: Path, most: int, taken: set[str]) -> dict[str, tuple[object, Path]]:
    source = draft.source
    start, end, zone, pods = window_fields(at)
    least = source.required_integer(pods)
    if least > most:
        draft.note(pods, f"the pool's maxReplicas hold for schedules too, so it is {most}")
    cron, _, lengths = window(source, at)
    return {
        "name": (_name(draft, at, taken), (*at, "name")),
        "cron": (cron, start),
        "durationSeconds": (_duration(draft, lengths, end), end),
        "timeZone": (source.required_text(zone, ZONE), zone),
        "minReplicas": (max(0, min(least, most)), pods),
    }


def window_fields(at: Path) -> tuple[Path, Path, Path, Path]:
    """Return where a trigger's start, end, time zone and replicas are."""
    metadata = (*at, "metadata")
    return (*metadata, "start"), (*metadata, "end"), (*metadata, "timezone"), (*metadata, "desiredReplicas")


def window(source: SourceObject, at: Path) -> tuple[str, str, set[int]]:
    """Return a trigger's start and end as cron has them, and the seconds from one to the other. Raises RefusedError."""
    at_start, at_end, _, _ = window_fields(at)
    start, end = _cron(source, at_start, START), _cron(source, at_end, END)
    try:
        lengths = durations(start, end)
    except SpecInvalidError as error:
        raise RefusedError(at_end, f"start and end must be two times of cron: {error}") from error
    if not lengths:
        raise RefusedError(at_end, "start or end names no time that ever comes: correct the day of month or the month")
    return start, end, lengths


def _cron(source: SourceObject, at: Path, example: str) -> str:
    return " ".join(source.required_text(at, example).replace("?", "*").split())


def _duration(draft: Draft, lengths: set[int], at: Path) -> int:
    longest = max(lengths)
    if len(lengths) > 1:
        text = f"the time from start to end differs from {min(lengths)} to {longest} s, so each lasts {longest} s"
        draft.note(at, text)
    return draft.bounded(at, longest, _SECONDS, "seconds for a schedule")


def _name(draft: Draft, at: Path, taken: set[str]) -> str:
    given = draft.source.text((*at, "name")).lower()
    number = at[-1]
    return given if _NAME.fullmatch(given) and given not in taken else f"cron-{number}"
