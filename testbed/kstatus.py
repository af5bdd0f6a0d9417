"""What tools that wait for a release think of an object: the rules of kstatus, which Flux and `cli-utils` use.

After kubernetes-sigs/cli-utils, pkg/kstatus/status: the generic properties, then the condition Ready. Kinds of
Kubernetes' own have rules of their own there, and none here. Pure; tests call it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Health(StrEnum):
    """kstatus' words."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    CURRENT = "Current"
    TERMINATING = "Terminating"


def health(manifest: Mapping[str, Any]) -> Health:
    """Return the health of an object as it stands in the API server."""
    metadata, status = manifest["metadata"], manifest.get("status", {})
    if metadata.get("deletionTimestamp"):
        return Health.TERMINATING
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return Health.IN_PROGRESS
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    for kind, verdict in (("Reconciling", Health.IN_PROGRESS), ("Stalled", Health.FAILED)):
        if conditions.get(kind) == "True":
            return verdict
    # Nothing that says otherwise: a status that nobody has written counts as done.
    return Health.CURRENT if conditions.get("Ready", "True") == "True" else Health.IN_PROGRESS
