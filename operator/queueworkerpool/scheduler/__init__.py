"""When each pool is due, which pool owns a target, and one reading per distinct queue.

`watch` tells it which pools exist, it calls `reconcile`. It decides nothing about pods. The parts: `scheduler` (when
each pool is due), `store` (which pools exist, and our own writes), `readings` (one reading per queue).
"""

from queueworkerpool.scheduler.readings import SharedReadings
from queueworkerpool.scheduler.scheduler import Scheduler
from queueworkerpool.scheduler.store import AssumedTargets, PoolStore

__all__ = ["AssumedTargets", "PoolStore", "Scheduler", "SharedReadings"]
