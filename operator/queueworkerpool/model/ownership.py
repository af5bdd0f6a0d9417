"""Whose past a memory is: of which pool, which target and which queues."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Self

from queueworkerpool.model.queues import QueueRef, QueueVariable

_DIGEST_LENGTH = 16
_LONGEST = 64  # characters that are kept of whatever stands in a status


class MemoryOwner(NamedTuple):
    """What a memory is about: two uids, and a digest of the queues. An empty one is not known, and fits any."""

    pool_uid: str = ""
    target_uid: str = ""
    queues: str = ""

    @classmethod
    def parse(cls, raw: object) -> Self | None:
        """Parse the raw `belongsTo`. Raises nothing: an older operator writes none, and it may be forged."""
        if not isinstance(raw, Mapping):
            return None
        return cls(*(str(raw.get(name, ""))[:_LONGEST] for name in ("poolUID", "targetUID", "queues")))

    def dump(self) -> dict[str, Any]:
        """Write the raw `belongsTo`."""
        return {"poolUID": self.pool_uid, "targetUID": self.target_uid, "queues": self.queues}

    def same_target(self, other: Self) -> bool:
        """Return whether both are about the same target of the same pool, as far as is known."""
        return _fits(self.pool_uid, other.pool_uid) and _fits(self.target_uid, other.target_uid)

    def same_queues(self, other: Self) -> bool:
        """Return whether both are about the same queues of the same pool, as far as is known."""
        return _fits(self.pool_uid, other.pool_uid) and _fits(self.queues, other.queues)


@lru_cache(maxsize=4096)  # asked at every tick of every pool, and a digest costs more than all else that is asked there
def digest(queues: tuple[QueueRef | QueueVariable, ...]) -> str:
    """Return what tells these queues from others. Their order does not matter: the load is their sum."""
    named = sorted(
        f"{queue.url if isinstance(queue, QueueRef) else queue.label} {queue.region or ''}" for queue in queues
    )
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:_DIGEST_LENGTH]


def _fits(one: str, other: str) -> bool:
    return one == other or not one or not other
