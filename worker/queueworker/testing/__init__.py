"""Tries handlers without AWS: the worker's own work loop, over messages in memory, with time under control.

Tests of users import it. `worker` runs the parts of which a worker consists: the receiver, the leases and the work are
those of every worker, around a `queue` in memory, with threads and waits of `clock`, whose time passes at once.
"""

from queueworker.testing.clock import Clock
from queueworker.testing.harness import Harness, registrations_kept
from queueworker.testing.queue import Queue
from queueworker.testing.result import Attempt, Result
from queueworker.testing.turns import StuckError
from queueworker.testing.worker import Worker, consume

__all__ = ["Attempt", "Clock", "Harness", "Queue", "Result", "StuckError", "Worker", "consume", "registrations_kept"]
