"""Which pools exist, which pool owns a Deployment, and our own writes until the watch shows them.

`scheduler` and `process` use it. It knows no time and starts nothing. The rule everywhere: the higher resourceVersion
wins, so that neither a late watch event nor a late answer to a write turns the clock back (the API server
promises that versions of one kind compare as numbers since Kubernetes 1.35, and has always behaved so with etcd).
"""

from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import Protocol

from queueworkerpool.model import NamespacedName, StoredPool, Target


class PoolStore:
    """The pools that exist."""

    def __init__(self) -> None:
        self._pools: dict[NamespacedName, StoredPool] = {}
        self._by_deployment: defaultdict[NamespacedName, set[NamespacedName]] = defaultdict(set)

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
        if pool.deployment:
            self._by_deployment[pool.deployment].add(pool.key)
        return True

    def remove(self, key: NamespacedName) -> None:
        """Forget a pool."""
        self._unlink(self._pools.pop(key, None))

    def count(self) -> int:
        """Return how many pools are known. May be called from any thread."""
        return len(self._pools)

    def owner(self, pool: StoredPool) -> NamespacedName | None:
        """Return the older pool that scales the same Deployment; None when this pool owns it."""
        keys = self._by_deployment.get(pool.deployment, ()) if pool.deployment else ()
        candidates = [pool, *(self._pools[key] for key in keys)]
        oldest = min(candidates, key=lambda candidate: (candidate.created, candidate.uid))
        return None if oldest.uid == pool.uid else oldest.key

    def sharing_deployment(self, pool: StoredPool) -> list[NamespacedName]:
        """Return the other pools that name the same Deployment."""
        keys = self._by_deployment.get(pool.deployment, ()) if pool.deployment else ()
        return [key for key in keys if key != pool.key]

    def _unlink(self, pool: StoredPool | None) -> None:
        deployment = pool.deployment if pool else None
        if pool and deployment and deployment in self._by_deployment:
            self._by_deployment[deployment].discard(pool.key)
            if not self._by_deployment[deployment]:
                del self._by_deployment[deployment]


class WatchedTargets(Protocol):
    """The Deployments as the watch shows them."""

    lists: int
    """How many lists have replaced what was known."""

    def find(self, deployment: NamespacedName) -> Target | None:
        """Return the Deployment of this name, if there is one. Raises TargetsUnknownError."""


class AssumedTargets:
    """The Deployments as the watch shows them, or as our own last write left them, whichever is newer.

    The scheduler of Kubernetes does the same with pods that it has just bound, and calls it to assume.
    """

    def __init__(self, watched: WatchedTargets) -> None:
        self._watched = watched
        self._assumed: dict[NamespacedName, Target] = {}
        self._lists = 0

    def find(self, deployment: NamespacedName) -> Target | None:
        """Return the Deployment of this name, if there is one. Raises TargetsUnknownError."""
        self._forget_after_a_list()
        watched, assumed = self._watched.find(deployment), self._assumed.get(deployment)
        if watched and assumed and assumed.resource_version > watched.resource_version:
            return replace(
                assumed, ready_replicas=watched.ready_replicas, rolling_out=watched.rolling_out, settled=False
            )
        self._assumed.pop(deployment, None)
        return watched

    def assume(self, deployment: NamespacedName, target: Target) -> None:
        """Remember a write of our own until the watch shows it."""
        self._forget_after_a_list()
        for old in tuple(islice(self._assumed, 2)):
            self.find(old)  # which forgets what the watch has shown: nobody may ask for it any more
        self._assumed[deployment] = target

    def _forget_after_a_list(self) -> None:
        """After a list nothing is assumed: the API server may have been restored to an older state."""
        if self._lists != self._watched.lists:
            self._assumed.clear()
            self._lists = self._watched.lists
