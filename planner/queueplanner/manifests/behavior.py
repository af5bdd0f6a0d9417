"""The HPA's `behavior`, from manifests of the HPA and of KEDA, read as `qwp import` does. Pure."""

from collections.abc import Mapping
from typing import Any

from queueplanner.manifests.fields import told
from queueplanner.policies.hpa import DOWN, TOLERANCE, UP, Policy, Rules
from queueworkerpool.importing.behavior import RULES, put_behavior
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.source import Path, RefusedError, SourceObject


def behavior(source: SourceObject, at: Path) -> tuple[Rules, Rules] | None:
    """Return the rules up and down; None where there is no such field. Raises RefusedError."""
    if not source.mapping(at):
        return None
    for direction in source.mapping(at):
        if direction not in ("scaleUp", "scaleDown"):
            raise RefusedError((*at, direction), "it is neither scaleUp nor scaleDown: correct it")
        list(told(source, (*at, direction), RULES))
    draft = Draft(source, {"spec": {}})
    put_behavior(draft, at)
    for note in draft.notes:  # a pool would get another value; the API server refuses such an HPA
        raise RefusedError(note.path, "no such value is played: correct it")
    read = draft.fields["spec"].get("behavior", {})
    return _rules(read.get("scaleUp", {}), UP), _rules(read.get("scaleDown", {}), DOWN)


def _rules(read: Mapping[str, Any], default: Rules) -> Rules:
    select = read.get("selectPolicy", "Max")
    policies = tuple(
        Policy(each["value"], each["periodSeconds"], percent=each["type"] == "Percent")
        for each in read.get("policies", ())
    )
    return Rules(
        window_seconds=read.get("stabilizationWindowSeconds", default.window_seconds),
        policies=policies or default.policies,
        disabled=select == "Disabled",
        least=select == "Min",
        tolerance=read.get("tolerance", TOLERANCE),
    )
