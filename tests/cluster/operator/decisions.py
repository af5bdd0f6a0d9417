"""What the tests of decisions read of a pool's status, and wait for."""

from tests.cluster.operator.conftest import Shop

AT_ONCE = {"scaleDown": {"stabilizationWindowSeconds": 0}}
"""A behavior without a window at scale-in."""


def decided(shop: Shop, pool: str) -> tuple[int, str]:
    """Return the pods decided on, and the reason; (-1, "") before there is a decision."""
    status = shop.status(pool)
    return status.get("desiredReplicas", -1), status.get("lastDecision", {}).get("reason", "")


def wait_for(shop: Shop, pool: str, replicas: int, reason: str) -> None:
    shop.eventually(
        lambda: (shop.replicas(pool), *decided(shop, pool)) == (replicas, replicas, reason),
        60,
        f"not {replicas} pods by {reason}",
    )
