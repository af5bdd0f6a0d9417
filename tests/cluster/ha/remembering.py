"""Pools that remember what takes longer than a test: a size that changes has been forgotten by somebody."""

import json
from typing import Any

from devcluster import Cluster
from devcluster.processes import wait_until
from testbed.api import NAMESPACE
from tests.cluster.ha.conftest import Pools
from tests.cluster.operator.conftest import wait_for_the_next_second

HOUR = {"scaleDown": {"stabilizationWindowSeconds": 3600}}
FOUR_IN_HALF_AN_HOUR = {"scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 1800}]}}
STAY = {"scaleToZeroAfterSeconds": 60}
"""The previous version cannot read a pool without it, and its definition had it as the default."""

NEW_CONDITIONS = {"AbleToScale"}
"""What this version reports and the previous one does not."""

NEW_MEMORY = {"belongsTo", "heldSince"}
"""What this version remembers of these pools and the previous one does not."""


class Remembering:
    """Pools whose sizes follow from what is remembered of them."""

    sizes: dict[str, int] = {"window": 10, "rates": 4, "learned": 2, "contested": 1}  # noqa: RUF012 -- a constant

    def __init__(self, cluster: Cluster, pools: Pools) -> None:
        self._cluster = cluster
        self._pools = pools

    def create(self) -> None:
        """Create the pools, and let the operator that leads learn what there is to remember."""
        pools = self._pools
        pools.create("window", 50, behavior=HOUR, **STAY)
        pools.create("rates", 50, behavior=FOUR_IN_HALF_AN_HOUR, **STAY)
        pools.create("learned", 0, target={"latencySeconds": 60}, **STAY)
        pools.create("contested", 0, minReplicas=3, **STAY)
        wait_until(lambda: self._has({"window": 10, "rates": 4, "contested": 3}), 60, "the pools were not scaled")
        # What workers report needs pods; so their service time is written as an operator writes it.
        learned = {"status": {"memory": {"workers": {"serviceSeconds": 8, "concurrency": 1}}}}
        patch_status(self._cluster, "learned", learned)
        pools.purge("window")
        pools.send("learned", 10)
        for writes in (1, 2, 3):
            wait_until(lambda: self._has({"contested": 3}), 60, "the other writer won too early")
            wait_for_the_next_second()
            self._cluster.kubectl("-n", NAMESPACE, "scale", "deployment", "contested", "--replicas=1")
            wait_until(lambda: self._writes_of_another() == writes, 60, "the other writer was not noticed")  # noqa: B023 -- called at once
        wait_until(lambda: self._has(self.sizes), 60, "the pools were not scaled")
        wait_until(lambda: "scaleDownStabilization" in pools.status("window")["memory"], 60, "no window began")

    def known(self) -> dict[str, Any]:
        """Return what both versions know of each pool, beside the words in which they say it."""
        return {name: self._known(self._pools.status(name)) for name in self.sizes}

    def check(self, before: dict[str, Any]) -> None:
        """Check that nothing was forgotten, and that no size changed."""
        assert self.known() == before
        assert self._has(self.sizes)

    def _known(self, status: dict[str, Any]) -> dict[str, Any]:
        conditions = {
            each["type"]: (each["status"], each["lastTransitionTime"])
            for each in status["conditions"]
            if each["type"] not in NEW_CONDITIONS
        }
        memory = {name: value for name, value in status["memory"].items() if name not in NEW_MEMORY}
        plain = {name: status[name] for name in ("desiredReplicas", "replicas", "lastScaleTime", "backlog")}
        return {"memory": memory, "conditions": conditions, "reason": status["lastDecision"]["reason"]} | plain

    def _has(self, sizes: dict[str, int]) -> bool:
        return sizes.items() <= self._pools.replicas().items()

    def _writes_of_another(self) -> int:
        return int(self._pools.status("contested").get("memory", {}).get("competingWriter", {}).get("writes", 0))


def patch_status(cluster: Cluster, name: str, patch: dict[str, Any], *options: str) -> dict[str, Any]:
    command = ("patch", "qwp", name, "--subresource=status", "--type=merge", "-o", "json", "-p", json.dumps(patch))
    return dict(json.loads(cluster.kubectl("-n", NAMESPACE, *command, *options)))
