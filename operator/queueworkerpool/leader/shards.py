"""Which shard a pool belongs to, who claims a free shard first, and who gives one to whom. Pure.

The scheduler asks for a pool's shard, `shard_elector` for the rest. A pool's shard is chosen by rendezvous hashing:
each shard gets a number from the pool's name, and the highest wins. So a further shard takes its pools from all others
alike, and no pool moves between two that stay.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

MOST_SHARDS = 16
"""Each process reads the Leases of all shards that it does not hold, once a second."""

PATIENCE_SECONDS = 0.5
"""How long a process leaves a free shard to others for each one that it holds."""

LONGEST_PATIENCE_SECONDS = 1.0
"""How long at most: a shard whose process has died is to be taken over within 17 s."""

WISH_AFTER_SECONDS = 4.0
"""How long all shards must have been held before a process wishes for one of another's: longer than a renewal, after
which others have seen who holds what."""

AFTER_HANDOVER_SECONDS = 5.0
"""How long a process leaves a shard alone that it has given away."""


def shard_of(name: str, shards: int) -> int:
    """Return the shard, from 0, that a pool of this name belongs to."""
    return max(range(shards), key=lambda shard: blake2b(f"{shard}/{name}".encode(), digest_size=8).digest())


def patience_seconds(held: int) -> float:
    """Return how long a process that holds so many shards leaves a free one to others."""
    return min(held * PATIENCE_SECONDS, LONGEST_PATIENCE_SECONDS)


@dataclass(frozen=True, slots=True)
class Wish:
    """One process's wish for a shard that another one holds.

    Args:
        shard: The shard.
        identity: Who wants it.
        stamp: When it was wished for; it tells one wish from the next.
    """

    shard: int
    identity: str
    stamp: str

    def __str__(self) -> str:
        return f"{self.shard} {self.stamp} {self.identity}"

    @classmethod
    def parse(cls, text: str) -> "Wish | None":
        """Return the wish in an annotation; None when there is none that makes sense."""
        shard, _, rest = text.partition(" ")
        stamp, _, identity = rest.partition(" ")
        return cls(int(shard), identity, stamp) if shard.isdecimal() and stamp and identity else None


def wanted(holders: Sequence[str], identity: str) -> int | None:
    """Return the shard that this process should ask for; None when it has its share, or one is free to claim.

    It asks the process that holds most, if that has at least two more than itself.

    Args:
        holders: Who holds each shard; empty when nobody surely does.
        identity: This process.
    """
    if not all(holders):
        return None
    counts = Counter(holders)
    richest = max(counts, key=lambda holder: (counts[holder], holder))
    if counts[richest] < counts[identity] + 2:
        return None
    return max(shard for shard, holder in enumerate(holders) if holder == richest)


def gives(wish: Wish | None, held: Sequence[int], identity: str) -> bool:
    """Return whether a process that holds these shards is to give one away by a wish."""
    return wish is not None and wish.identity != identity and wish.shard in held and len(held) > 1
