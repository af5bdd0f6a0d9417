"""Pools for a bench: made as fast as the API server takes them, and taken away again."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.api import DEPLOYMENTS, POOLS, Seen, deployment, each_at_once, pool, until
from benchmarks.bed import Bed
from benchmarks.counting_sqs import queue_url

GIVE_UP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Admission:
    """How it went: seconds of creating all, seconds from the last creation to the last first decision, and who missed.

    When any pool got no decision, `decided_seconds` is how long that was waited for.
    """

    created_seconds: float
    decided_seconds: float
    undecided: int


async def admit(bed: Bed, names: Sequence[str], *, replicas: int, poll_seconds: int) -> Admission:
    """Create a Deployment of this size and a pool for each name; wait until the operator has decided on every pool."""
    decided: dict[str, float] = {}

    def note(seen: Seen) -> None:
        if seen.kind != "DELETED" and "lastDecision" in seen.body.get("status", {}):
            decided.setdefault(seen.name, seen.time)

    async def create(name: str) -> None:
        await bed.api.create(DEPLOYMENTS, deployment(name, replicas))
        await bed.api.create(POOLS, pool(name, queue_url(name), poll_seconds))

    async with bed.api.watching(POOLS, note):
        begun = time.monotonic()
        await each_at_once(create, names)
        created = time.monotonic()
        whole = await until(lambda: len(decided) == len(names), GIVE_UP_SECONDS)
    last = max(decided.values()) if whole else time.monotonic()
    return Admission(created - begun, max(0.0, last - created), len(names) - len(decided))


async def remove(bed: Bed, names: Sequence[str]) -> None:
    """Delete the pools and their Deployments; return when they are gone."""
    for path in (POOLS, DEPLOYMENTS):
        left = set(names)

        def note(seen: Seen, left: set[str] = left) -> None:
            if seen.kind == "DELETED":
                left.discard(seen.name)

        async with bed.api.watching(path, note):
            await bed.api.delete_all(path)
            if not await until(lambda left=left: not left, GIVE_UP_SECONDS):  # type: ignore[misc] # a bound default
                raise TimeoutError(f"{len(left)} of {path} were not deleted")
