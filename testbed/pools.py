"""Creates and deletes many pools, as fast as the API server accepts them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from testbed.api import DEPLOYMENTS, POOLS, WatchEvent, deployment, for_each_concurrently, holds_within, pool
from testbed.counting_sqs import queue_url
from testbed.environment import Environment

ADMISSION_TIMEOUT_SECONDS = 300.0
"""For the decisions on all pools, and for the deletion of all objects of a kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What `admit` measured.

    Args:
        created_seconds: Seconds in which all objects were created.
        decided_seconds: Seconds from the last creation to the last first decision; how long `admit` waited when a pool
            got no decision.
        undecided: Number of pools without a decision.
    """

    created_seconds: float
    decided_seconds: float
    undecided: int


async def admit(environment: Environment, names: Sequence[str], *, replicas: int, poll_seconds: int) -> Admission:
    """Create a Deployment of this size and a pool for each name; wait until the operator has decided on every pool."""
    decided: dict[str, float] = {}

    def record(event: WatchEvent) -> None:
        if event.kind != "DELETED" and "lastDecision" in event.body.get("status", {}):
            decided.setdefault(event.name, event.time)

    async def create(name: str) -> None:
        await environment.api.create(DEPLOYMENTS, deployment(name, replicas))
        await environment.api.create(POOLS, pool(name, queue_url(name), poll_seconds))

    async with environment.api.watching(POOLS, record):
        begun = time.monotonic()
        await for_each_concurrently(create, names)
        created = time.monotonic()
        complete = await holds_within(lambda: len(decided) == len(names), ADMISSION_TIMEOUT_SECONDS)
    last = max(decided.values()) if complete else time.monotonic()
    return Admission(
        created_seconds=created - begun,
        decided_seconds=max(0.0, last - created),
        undecided=len(names) - len(decided),
    )


async def remove(environment: Environment, names: Sequence[str]) -> None:
    """Delete the pools and their Deployments; return when they are gone."""
    for path in (POOLS, DEPLOYMENTS):
        left = set(names)

        def record(event: WatchEvent, left: set[str] = left) -> None:
            if event.kind == "DELETED":
                left.discard(event.name)

        async with environment.api.watching(path, record):
            await environment.api.delete(path)
            if not await holds_within(lambda left=left: not left, ADMISSION_TIMEOUT_SECONDS):  # type: ignore[misc] # a bound default
                raise TimeoutError(f"{len(left)} of {path} were not deleted")
