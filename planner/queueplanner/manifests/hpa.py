"""An HPA of autoscaling/v2 on an external metric of the queue, as a candidate. Pure. `reading` calls it."""

from functools import partial

from queueplanner.manifests.behavior import behavior
from queueplanner.manifests.fields import SPEC, only, played, told
from queueplanner.play import Candidate
from queueplanner.policies.hpa import Hpa, Rules
from queueplanner.policies.queue_hpa import QueueHpa
from queueplanner.presets import RIVALS
from queueplanner.work import Work
from queueworkerpool.importing import hpa
from queueworkerpool.importing.context import Context
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.quantities import quantity
from queueworkerpool.importing.source import Path, RefusedError, SourceObject, brief

KINDS = ((hpa.GROUP, hpa.KIND.lower()),)
SHORT_NAME = "hpa"
RULES = played("scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior")
METRIC_RULES = played("type", "external.metric", "external.target")
_FIELDS = {"AverageValue": "averageValue", "Value": "value"}
"""By type of a metric's target: where its number is."""
_ANYWHERE = Context(queues_at="https://anywhere.example/000000000000")
"""A metric names a queue without its place, which makes no difference here."""


def candidate(name: str, source: SourceObject) -> Candidate:
    """Return the candidate of an HPA. Raises RefusedError."""
    if source.version != hpa.VERSION:
        raise RefusedError(("apiVersion",), f"{source.version} is not read: write it for autoscaling/v2")
    said = list(told(source, SPEC, RULES))
    metric = only(source, (*SPEC, "metrics"), "metric")
    if (kind := source.required_text((*metric, "type"), "External")) != "External":
        raise RefusedError((*metric, "type"), f"a metric of type {brief(kind)} cannot be played: only External can")
    said += told(source, metric, METRIC_RULES)
    draft = Draft(source, {"spec": {}})
    draft.put_sizes((*SPEC, "minReplicas"), (*SPEC, "maxReplicas"), least=1, most=None)
    least, most = draft.fields["spec"].get("minReplicas", 0), draft.fields["spec"]["maxReplicas"]
    if not least:
        raise RefusedError((*SPEC, "minReplicas"), "an HPA that goes to zero cannot be played: write 1 or more")
    (target, is_value), rules = _target(source, (*metric, "external", "target")), behavior(source, (*SPEC, "behavior"))
    in_flight = _counts_in_flight(source)
    if in_flight is None:
        named = source.required_text((*metric, "external", "metric", "name"), "sqs_messages_visible")
        said.append(f"its metric {named} was taken for the messages that wait, without those in flight")
    begin = partial(_begin, name, (least, most, target, rules, is_value), bool(in_flight))
    return Candidate(name, begin, most=most, replicas=least, unchecked=(*said, *RIVALS["hpa"].unchecked))


_Settings = tuple[int, int, float, tuple[Rules, Rules] | None, bool]


def _begin(name: str, settings: _Settings, in_flight: bool, _: Work) -> QueueHpa:  # noqa: FBT001 -- a partial's
    return QueueHpa(name, Hpa(*settings), in_flight)


def _counts_in_flight(source: SourceObject) -> bool | None:
    """Return whether the metric counts messages in flight, as `qwp import` reads its name; None: it is not known."""
    if not hpa.is_on_sqs(source, _ANYWHERE):
        return None
    counts = hpa.convert(source, _ANYWHERE).fields["spec"].get("count", {})
    return bool(counts.get("inFlight") != "Ignore")


def _target(source: SourceObject, at: Path) -> tuple[float, bool]:
    """Return what the metric should be, and whether it is that of all pods together."""
    kind = source.required_text((*at, "type"), "AverageValue")
    if kind not in _FIELDS:
        raise RefusedError((*at, "type"), f"{brief(kind)} cannot be played: only {' and '.join(_FIELDS)} can")
    path = (*at, _FIELDS[kind])
    number = quantity(source.find(path))
    if number is None or number <= 0:
        raise RefusedError(path, "a number above zero is needed: write one such as 10")
    return float(number), kind == "Value"
