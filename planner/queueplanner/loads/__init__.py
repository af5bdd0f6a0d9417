"""What comes into the queue: how many messages are sent, and when. Pure; the same seed gives the same times.

`play` asks a load for its times. Here are those that are made up, by name in `SHAPES`; `recorded` has the loads that
were measured. Every load can be pickled. How long a message takes is no part of it: see `work`.
"""

from queueplanner.loads.bursts import Burst, FlashCrowd, HourlyBatch, RetryStorm, Sparse
from queueplanner.loads.load import (
    DAY_SECONDS,
    HOUR_SECONDS,
    MINUTE_SECONDS,
    WEEK_SECONDS,
    Load,
    Parameter,
    ShapeError,
    Unit,
)
from queueplanner.loads.phases import OnOff, SelfSimilar
from queueplanner.loads.poisson import Daily, Poisson, Ramp, Steady, Weekly
from queueplanner.loads.shapes import SHAPES, Shape

__all__ = [
    "DAY_SECONDS",
    "HOUR_SECONDS",
    "MINUTE_SECONDS",
    "SHAPES",
    "WEEK_SECONDS",
    "Burst",
    "Daily",
    "FlashCrowd",
    "HourlyBatch",
    "Load",
    "OnOff",
    "Parameter",
    "Poisson",
    "Ramp",
    "RetryStorm",
    "SelfSimilar",
    "Shape",
    "ShapeError",
    "Sparse",
    "Steady",
    "Unit",
    "Weekly",
]
