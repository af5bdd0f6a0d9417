"""A fence for each shard, and which of them a write passes: that of the shard whose tick sends it.

`process` makes it, the scheduler says which shard a tick belongs to, and `cluster` asks it before each write. A context
variable carries the shard, because a tick's writes come from several tasks and threads.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from queueworkerpool.errors import NotLeadingError
from queueworkerpool.leader.fence import Fence
from queueworkerpool.leader.shards import shard_of

_shard: ContextVar[int | None] = ContextVar("shard", default=None)


class ShardFences:
    """The fences of all shards of a process. Safe to use from any thread."""

    def __init__(self, fences: Sequence[Fence]) -> None:
        """Put each shard's writes behind its fence."""
        self.fences = tuple(fences)

    @property
    def held(self) -> tuple[int, ...]:
        """The shards whose writes would pass now."""
        return tuple(shard for shard, fence in enumerate(self.fences) if fence.is_open)

    def check(self) -> None:
        """Raise NotLeadingError when a write of the present shard would not pass now."""
        self._present().check()

    def passage(self) -> AbstractContextManager[None]:
        """Wrap one write of the present shard. Raises NotLeadingError."""
        return self._present().passage()

    def of(self, pool: tuple[str, str]) -> int:
        """Return the shard of a pool of this namespace and name."""
        return shard_of("/".join(pool), len(self.fences)) if len(self.fences) > 1 else 0

    @contextmanager
    def writing_for(self, shard: int) -> Iterator[None]:
        """Let the writes of the body, and of all tasks that it starts, pass the fence of this shard."""
        token = _shard.set(shard)
        try:
            yield
        finally:
            _shard.reset(token)

    def open_for_good(self) -> None:
        """Let every write pass, in a process that is the only one."""
        for fence in self.fences:
            fence.open_until(math.inf)

    def close(self) -> None:
        """Let no further write pass."""
        for fence in self.fences:
            fence.close()

    def _present(self) -> Fence:
        if len(self.fences) == 1:
            return self.fences[0]
        shard = _shard.get()
        if shard is None:  # what belongs to no pool is written by nobody
            raise NotLeadingError("this write belongs to no shard")
        return self.fences[shard]
