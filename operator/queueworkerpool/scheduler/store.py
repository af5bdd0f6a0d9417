"""Which pools exist, which pool owns a target, and our own writes until the watch shows them.

`scheduler` and `process` use it. It knows no time and starts nothing. The rule everywhere: the higher resourceVersion
wins, so that neither a late watch event nor a late answer to a write turns the clock back (the API server
promises that versions of one kind compare as numbers since Kubernetes 1.35, and has always behaved so with etcd).
"""

from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Protocol

from queueworkerpool.errors import ClusterError
from queueworkerpool.model import NamespacedName, Scale, ScaleTarget, StoredPool, Target


class PoolStore:
    """The pools that exist."""

    def __init__(self) -> None:
        self._pools: dict[NamespacedName, StoredPool] = {}
        self._by_target: defaultdict[ScaleTarget, set[NamespacedName]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._pools)

    def get(self, key: NamespacedName) -> StoredPool | None:
        """Return the newest known state of a pool."""
        return self._pools.get(key)

    def keys(self) -> list[NamespacedName]:
        """Return the names of all pools."""
        return list(self._pools)

    def put(self, pool: StoredPool, *, listed: bool = False) -> bool:
        """Store a pool's state; return False when a newer one is already stored.

        `listed`: a list shows what the API server holds, also when it was restored to an older state. Where the list is
        only late, the watch that follows it shows the newer state again.
        """
        stored = self._pools.get(pool.key)
        # A write that changed nothing may still show what the API server does not keep.
        if stored and stored.resource_version == pool.resource_version and not pool.status.lost:
            return False
        # Whatever the uid: a tick of the pool that had the name before may come late.
        if stored and stored.resource_version > pool.resource_version and not listed:
            return False
        self._unlink(stored)
        self._pools[pool.key] = pool
        if pool.scale_target:
            self._by_target[pool.scale_target].add(pool.key)
        return True

    def remove(self, key: NamespacedName) -> None:
        """Forget a pool."""
        self._unlink(self._pools.pop(key, None))

    def count(self) -> int:
        """Return how many pools are known. May be called from any thread."""
        return len(self._pools)

    def owner(self, pool: StoredPool) -> NamespacedName | None:
        """Return the older pool that scales the same target; None when this pool owns it."""
        keys = self._by_target.get(pool.scale_target, ()) if pool.scale_target else ()
        candidates = [pool, *(self._pools[key] for key in keys)]
        oldest = min(candidates, key=lambda candidate: (candidate.created, candidate.uid))
        return None if oldest.uid == pool.uid else oldest.key

    def sharing_target(self, pool: StoredPool) -> list[NamespacedName]:
        """Return the other pools that name the same target."""
        keys = self._by_target.get(pool.scale_target, ()) if pool.scale_target else ()
        return [key for key in keys if key != pool.key]

    def _unlink(self, pool: StoredPool | None) -> None:
        scale_target = pool.scale_target if pool else None
        if pool and scale_target and scale_target in self._by_target:
            self._by_target[scale_target].discard(pool.key)
            if not self._by_target[scale_target]:
                del self._by_target[scale_target]


class WatchedTargets(Protocol):
    """What pools scale, as the watch shows it."""

    @property
    def lists(self) -> int:
        """How many lists have replaced what was known."""

    async def listed(self, scale_target: ScaleTarget) -> None:
        """Wait for the first list of a kind, for some time."""

    def find(self, scale_target: ScaleTarget) -> Target | None:
        """Return the object of this name, if there is one. Raises TargetsUnknownError, TargetKindError."""


class Scales(Protocol):
    """Where the `/scale` of an object is read."""

    async def read_scale(self, scale_target: ScaleTarget) -> Scale:
        """Return what an object's `/scale` says. Raises ClusterError."""


class AssumedTargets:
    """What pools scale as the watch shows it, or as our own last write left it, whichever is newer.

    The scheduler of Kubernetes does the same with pods that it has just bound, and calls it to assume.
    """

    def __init__(self, watched: WatchedTargets, scales: Scales) -> None:
        self._watched = watched
        self._scales = scales
        self._assumed: dict[ScaleTarget, Target] = {}
        self._read: dict[ScaleTarget, tuple[int, Scale]] = {}  # of kinds that only their `/scale` explains; by version
        self._lists = 0

    async def current(self, scale_target: ScaleTarget) -> Target | None:
        """Return the object of this name, if there is one, once its kind is listed.

        Raises TargetsUnknownError, TargetKindError; ClusterError when its `/scale` cannot be read.
        """
        await self._watched.listed(scale_target)
        found = self._watched.find(scale_target)
        if found is None:
            self._read.pop(scale_target, None)
        elif found.needs_scale and self._version_read(scale_target) != found.resource_version:
            self._read[scale_target] = found.resource_version, await self._scales.read_scale(scale_target)
        return self.find(scale_target)

    def _version_read(self, scale_target: ScaleTarget) -> int | None:
        return self._read[scale_target][0] if scale_target in self._read else None

    def find(self, scale_target: ScaleTarget) -> Target | None:
        """Return the object of this name, if there is one. Raises TargetsUnknownError, TargetKindError."""
        self._forget_after_a_list()
        assumed = self._assumed.pop(scale_target, None)  # back below where it holds still
        watched = self._watched.find(scale_target)
        if watched and watched.needs_scale and scale_target in self._read:
            watched = watched.with_scale(self._read[scale_target][1])
        if watched and assumed and assumed.resource_version > watched.resource_version:
            self._assumed[scale_target] = assumed
            return replace(
                assumed, ready_replicas=watched.ready_replicas, rolling_out=watched.rolling_out, settled=False
            )
        return watched

    def assume(self, scale_target: ScaleTarget, target: Target) -> None:
        """Remember a write of our own until the watch shows it."""
        self._forget_after_a_list()
        for old in tuple(islice(self._assumed, 2)):
            # Forgets what the watch has shown: nobody may ask for it any more. Nor may its kind be there any more.
            with suppress(ClusterError):
                self.find(old)
        self._assumed[scale_target] = target

    def _forget_after_a_list(self) -> None:
        """After a list nothing is assumed: the API server may have been restored to an older state."""
        if self._lists != self._watched.lists:
            self._assumed.clear()
            self._lists = self._watched.lists
