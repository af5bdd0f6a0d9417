"""Which settings of a pool keep a promise at the least cost. `recommend` is the only way in; it prints nothing.

It searches over what a QueueWorkerPool can be set to on one part of a load, judges the best on the rest, and says what
other promises would cost and which assumption matters most. Playing is the caller's: it is given a function.

The way of it: `answer` asks `parts` for the two parts, `needs` for the pods that the load needs, `space` for the values
to try and `search` for the best of them, first on `excerpts`; then `sensitivity` for what matters, and `obstacles` for
what is in the way.
"""

from queueplanner.recommend.answer import recommend
from queueplanner.recommend.manifest import SEARCHED, Manifest, ManifestError, new, settings
from queueplanner.recommend.search import Row
from queueplanner.recommend.sensitivity import Effect
from queueplanner.recommend.slo import SHARES, Share, Slo
from queueplanner.recommend.values import Answer, Expected, Question, Runs

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
    "Runs",
    "Share",
    "Slo",
    "new",
    "recommend",
    "settings",
]
