"""Which pools exist, who owns which Deployment, and our own writes until the watch shows them.

`clockwork` and `handlers` use it. It holds no time and starts nothing. The rule everywhere: the higher resourceVersion
wins, so that neither a late watch event nor a late answer to a write turns the clock back (the API server
promises that versions of one kind compare as numbers since Kubernetes 1.35, and has always behaved so with etcd).
"""

from collections import defaultdict
from dataclasses import replace
from itertools import islice
from typing import Protocol

from queueworkerpool.errors import SpecInvalidError
from queueworkerpool.model import Key, Pool, Target


class Roster:
    """The pools that exist."""

    def __init__(self) -> None:
        self._pools: dict[Key, Pool] = {}
        self._by_target: defaultdict[Key, set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._pools)

    def get(self, key: Key) -> Pool | None:
        """The newest known state of a pool."""
        return self._pools.get(key)

    def keys(self) -> list[Key]:
        """The names of all pools."""
        return list(self._pools)

    def put(self, pool: Pool) -> bool:
        """Take in a pool's state; False when a newer one is already known."""
        known = self._pools.get(pool.key)
        # Whatever the uid: a tick of the pool that bore the name before may come late.
        if known and known.resource_version >= pool.resource_version:
            return False
        self._unlink(known)
        self._pools[pool.key] = pool
        if target := _target(pool):
            self._by_target[target].add(pool.key)
        return True

    def remove(self, key: Key) -> None:
        """Forget a pool."""
        self._unlink(self._pools.pop(key, None))

    def owner(self, pool: Pool) -> Key | None:
        """The older pool that scales the same Deployment; None when this pool owns it."""
        target = _target(pool)
        rivals = [self._pools[key] for key in self._by_target.get(target, ())] if target else []
        oldest = min([pool, *rivals], key=lambda rival: (rival.created, rival.uid))
        return None if oldest.uid == pool.uid else oldest.key

    def rivals(self, pool: Pool) -> list[Key]:
        """The other pools that name the same Deployment."""
        target = _target(pool)
        return [key for key in self._by_target.get(target, ()) if key != pool.key] if target else []

    def _unlink(self, pool: Pool | None) -> None:
        target = _target(pool) if pool else None
        if pool and target and target in self._by_target:
            self._by_target[target].discard(pool.key)
            if not self._by_target[target]:
                del self._by_target[target]


class Watched(Protocol):
    """The Deployments as the watch shows them."""

    def find(self, deployment: Key) -> Target | None:
        """The Deployment of this name, if there is one."""


class Written:
    """The Deployments as the watch shows them, or as our own last write left them, whichever is newer."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._written: dict[Key, Target] = {}

    def find(self, deployment: Key) -> Target | None:
        """The Deployment of this name, if there is one."""
        shown, written = self._watched.find(deployment), self._written.get(deployment)
        if shown and written and written.resource_version > shown.resource_version:
            return replace(written, ready_replicas=shown.ready_replicas, rolling_out=shown.rolling_out, settled=False)
        self._written.pop(deployment, None)
        return shown

    def wrote(self, deployment: Key, target: Target) -> None:
        """Remember a write of our own until the watch shows it."""
        for old in tuple(islice(self._written, 2)):
            self.find(old)  # which forgets what the watch has shown: nobody may ask for it any more
        self._written[deployment] = target


def _target(pool: Pool) -> Key | None:
    return None if isinstance(pool.spec, SpecInvalidError) else Key(pool.key.namespace, pool.spec.deployment)
