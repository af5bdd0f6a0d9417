"""Which settings of a pool keep a promise at the least cost. `recommend` is the only way in; it prints nothing.

It searches over what a QueueWorkerPool can be set to on one part of a load, judges the best on the rest, and says what
other promises would cost and which assumption matters most. Playing is the caller's: it is given a function.
"""

from queueplanner.recommend.answer import Answer, Expected, Question, recommend
from queueplanner.recommend.manifest import SEARCHED, Manifest, ManifestError, new, settings
from queueplanner.recommend.search import Row
from queueplanner.recommend.sensitivity import Effect
from queueplanner.recommend.slo import SHARES, Share, Slo

__all__ = [
    "SEARCHED",
    "SHARES",
    "Answer",
    "Effect",
    "Expected",
    "Manifest",
    "ManifestError",
    "Question",
    "Row",
    "Share",
    "Slo",
    "new",
    "recommend",
    "settings",
]
