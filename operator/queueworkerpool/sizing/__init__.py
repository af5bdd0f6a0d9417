"""How many pods a load needs: one file per kind of `spec.target`. Pure.

`model` parses targets with `parse_target`; `decide`, `workers`, `report` and `validate` use the parsed rule through the
one interface `SizingRule`, so none of them knows which rules exist. To add a rule, write its file and list it in RULES.
"""

from collections.abc import Mapping
from typing import Any

from queueworkerpool.sizing.latency import Latency
from queueworkerpool.sizing.messages_per_pod import MessagesPerPod
from queueworkerpool.sizing.rule import AtReading, Recommendation, Shortfall, SizedPool, SizingRule, WorkerEstimates
from queueworkerpool.sizing.service_time import DECLARED_MESSAGES, MOST_MESSAGES, Evidence, ServiceTime

RULES: tuple[type[SizingRule], ...] = (MessagesPerPod, Latency)
"""Every rule. The CRD allows exactly one rule's field in `spec.target`."""

__all__ = [
    "DECLARED_MESSAGES",
    "MOST_MESSAGES",
    "RULES",
    "AtReading",
    "Evidence",
    "Latency",
    "MessagesPerPod",
    "Recommendation",
    "ServiceTime",
    "Shortfall",
    "SizedPool",
    "SizingRule",
    "WorkerEstimates",
    "parse_target",
]


def parse_target(raw: Mapping[str, Any]) -> SizingRule:
    """Parse the raw `spec.target`. Raises KeyError when no rule's field is in it."""
    for rule in RULES:
        if rule.field in raw:
            return rule.parse(raw)
    raise KeyError(" or ".join(rule.field for rule in RULES))
