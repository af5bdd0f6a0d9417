"""The HPA's `behavior`, which a pool has by the same names. Pure. `keda` and `hpa` call it."""

from queueworkerpool.importing.draft import Bound, Draft
from queueworkerpool.importing.quantities import quantity
from queueworkerpool.importing.rules import Rule, carried, losses
from queueworkerpool.importing.source import Path, RefusedError, brief

RULES: tuple[Rule, ...] = (
    carried("stabilizationWindowSeconds", "stabilizationWindowSeconds"),
    carried("selectPolicy", "selectPolicy"),
    carried("tolerance", "tolerance"),
    carried("policies[].type", "policies[].type"),
    carried("policies[].value", "policies[].value"),
    carried("policies[].periodSeconds", "policies[].periodSeconds"),
)

_WINDOW = Bound(0, 3600)
_VALUE = Bound(1, 100_000)
_PERIOD = Bound(1, 1800)
_MOST_POLICIES = 10
_ALL_PERCENT = 100


def put_behavior(draft: Draft, at: Path) -> None:
    """Take over the behavior at a path of the source."""
    source = draft.source
    for direction in source.mapping(at):
        if direction not in ("scaleUp", "scaleDown"):
            draft.note((*at, direction), "unknown to this version, and left out: see whether it is misspelt")
            continue
        rules = source.mapping((*at, direction))
        for path, text in losses(rules, (*at, direction), RULES):
            draft.note(path, text)
        _put_direction(draft, (*at, direction), ("spec", "behavior", direction))


def _put_direction(draft: Draft, at: Path, to: Path) -> None:
    source = draft.source
    if (window := source.integer((*at, "stabilizationWindowSeconds"))) is not None:
        path = (*at, "stabilizationWindowSeconds")
        draft.put((*to, "stabilizationWindowSeconds"), draft.bounded(path, window, _WINDOW, "seconds"), path)
    if select := source.text((*at, "selectPolicy")):
        if select not in ("Max", "Min", "Disabled"):
            raise RefusedError((*at, "selectPolicy"), f"{brief(select)} is none of Max, Min and Disabled: write one")
        draft.put((*to, "selectPolicy"), select, (*at, "selectPolicy"))
    _put_tolerance(draft, (*at, "tolerance"), (*to, "tolerance"))
    _put_policies(draft, (*at, "policies"), (*to, "policies"))


def _put_tolerance(draft: Draft, at: Path, to: Path) -> None:
    if (found := draft.source.find(at)) is None:
        return
    share = quantity(found)
    if share is None or share < 0:
        raise RefusedError(at, f"a share is needed, and {brief(found)} is none: write one such as 0.1")
    if share > 1:
        draft.note(at, "a pool takes at most 1, so it is 1")
    draft.put(to, min(float(share), 1.0), at)


def _put_policies(draft: Draft, at: Path, to: Path) -> None:
    paths = list(draft.source.objects(at))
    if len(paths) > _MOST_POLICIES:
        raise RefusedError(at, f"a pool takes at most {_MOST_POLICIES} policies: remove some")
    if draft.source.find(at) == []:
        draft.note(at, "no policy is the same as no field: the size changes in one step")
    if paths:
        draft.put(to, [_policy(draft, path, is_down="scaleDown" in to) for path in paths], at)


def _policy(draft: Draft, at: Path, *, is_down: bool) -> dict[str, str | int]:
    source = draft.source
    kind = source.required_text((*at, "type"), "Pods")
    if kind not in ("Pods", "Percent"):
        raise RefusedError((*at, "type"), f"{brief(kind)} is neither Pods nor Percent: write one of them")
    value = draft.bounded((*at, "value"), source.required_integer((*at, "value")), _VALUE, "per period")
    if is_down and kind == "Percent":
        value = min(value, _ALL_PERCENT)
    path = (*at, "periodSeconds")
    period = draft.bounded(path, source.required_integer(path), _PERIOD, "seconds")
    return {"type": kind, "value": value, "periodSeconds": period}
