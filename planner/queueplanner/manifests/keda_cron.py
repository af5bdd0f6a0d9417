"""A cron trigger of KEDA's ScaledObject, read as `qwp import` does. Pure. `keda` calls it."""

from queueplanner.manifests.fields import told, whole
from queueplanner.policies.keda_cron import CronTrigger
from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.importing.keda import CRON
from queueworkerpool.importing.keda_cron import END, RULES, START, ZONE, window, window_fields
from queueworkerpool.importing.source import Path, RefusedError, SourceObject, brief
from queueworkerpool.schedules import zone

_FIELDS = 5
"""Of a cron expression: KEDA takes no seconds."""


def cron_trigger(source: SourceObject, at: Path) -> CronTrigger:
    """Return the trigger at a path. Raises RefusedError."""
    list(told(source, at, RULES))
    if (metric := source.text((*at, "metricType"))) not in ("", "AverageValue"):
        problem = f"{brief(metric)} of a trigger {CRON} cannot be played: only AverageValue can"
        raise RefusedError((*at, "metricType"), problem)
    at_start, at_end, at_zone, at_replicas = window_fields(at)
    start, end, _ = window(source, at)
    for path, cron, example in ((at_start, start, START), (at_end, end, END)):
        if len(cron.split()) != _FIELDS:
            raise RefusedError(path, f"{brief(cron)} has not five fields: write one such as {example}")
    if start == end:
        raise RefusedError(at_end, "it is the start, which KEDA refuses: write another one")
    try:
        place = zone(source.required_text(at_zone, ZONE))
    except SpecInvalidError as error:
        raise RefusedError(at_zone, str(error)) from error
    source.required_integer(at_replicas)
    return CronTrigger(start, end, place, whole(source, at_replicas, 0, 1))
