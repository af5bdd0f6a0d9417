"""The ways in which a pool's size falls, for pools of a `ScaleInScenario`: each ends below what its busy workers need.

The benchmark `ways_down` uses it. It measures nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from testbed.scale_in_scenario import ACCOUNT, Arm

SIZE = 4
"""Workers of a full pool."""

GRACE_SECONDS = 90
PROGRESS_DEADLINE_SECONDS = 8
LOWER = {"minReplicas": 0}
LOWEST = {"minReplicas": 0, "maxReplicas": 1}
UNREADABLE = {
    "queues": [{"url": f"{ACCOUNT}/there-is-no-such-queue"}],
    "fallback": {"afterSeconds": 1, "replicas": 1, "when": "Always"},
}
NEVER_READY = {"httpGet": {"path": "/", "port": 9}, "periodSeconds": 1}


def until_the_next_minute() -> dict[str, Any]:
    """Return a spec whose schedule keeps a full pool until this minute is over."""
    now = datetime.now(UTC)
    minute = {"name": "minute", "cron": f"{now.minute} {now.hour} * * *", "durationSeconds": 60}
    return LOWER | {"schedules": [minute | {"minReplicas": SIZE}]}


@dataclass(frozen=True, slots=True)
class Way:
    """One way down.

    Args:
        arm: The arm of the scenario: its name is the way's.
        lowered: Returns how the spec differs from the usual one when the size is to fall.
        always: How it differs at all times.
        rolls_out: Whether a rollout that gets nowhere begins before, so that there are two ReplicaSets.
    """

    arm: Arm
    lowered: Callable[[], Mapping[str, Any]] = lambda: LOWER
    always: Mapping[str, Any] = field(default_factory=dict)
    rolls_out: bool = False


WAYS = (
    Way(Arm("recommendation", "Protect", GRACE_SECONDS)),
    Way(Arm("bound", "Protect", GRACE_SECONDS), lambda: LOWEST),
    Way(Arm("schedule", "Protect", GRACE_SECONDS), until_the_next_minute),
    Way(Arm("fallback", "Protect", GRACE_SECONDS), always=UNREADABLE),
    Way(Arm("rollout", "Protect", GRACE_SECONDS), rolls_out=True),
    Way(Arm("mid-rollout-bound", "Protect", GRACE_SECONDS), lambda: LOWEST, rolls_out=True),
    Way(Arm("sidecar", "Protect", GRACE_SECONDS, sidecar=True)),
    Way(Arm("drain", "Drain", GRACE_SECONDS)),
)
"""`drain` protects nobody: it shows that the measurement finds whom the others spare."""


def begin_rollout(kubectl: Callable[..., str], deployment: str) -> None:
    """Begin a rollout that gets nowhere, which the Deployment reports after PROGRESS_DEADLINE_SECONDS."""
    crashing = {"name": "worker", "command": ["sh", "-c", "exit 1"], "readinessProbe": NEVER_READY}
    spec = {
        "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"spec": {"containers": [crashing]}},
    }
    kubectl("patch", "deployment", deployment, "--patch", json.dumps({"spec": spec}))


def end_rollout(kubectl: Callable[..., str], deployment: str) -> None:
    """Return to the template before, so that the next rollout has time again."""
    kubectl("rollout", "undo", f"deployment/{deployment}")
    kubectl("patch", "deployment", deployment, "--patch", '{"spec":{"progressDeadlineSeconds":600}}')
