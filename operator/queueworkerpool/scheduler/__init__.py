"""When each pool is due, which pool owns a Deployment, and one reading per distinct queue.

`handlers` tells it which pools exist, it calls `reconcile`. It decides nothing about pods. The parts:
`roster` (which pools exist), `readings` (one reading per queue), `samples` (what workers tell of themselves),
`crews` (who may go at scale-in), `clockwork` (when each pool is due).
"""

from queueworkerpool.scheduler.clockwork import Scheduler
from queueworkerpool.scheduler.crews import Crews
from queueworkerpool.scheduler.readings import SharedReadings
from queueworkerpool.scheduler.roster import Roster, Written
from queueworkerpool.scheduler.samples import Samples

__all__ = ["Crews", "Roster", "Samples", "Scheduler", "SharedReadings", "Written"]
