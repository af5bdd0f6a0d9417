"""The planner: replays a load through the operator's own decisions and through other autoscalers. Knows no cluster.

`simulation` is a queue, pods and workers in memory, event by event; `loads` and `work` say what comes and how long it
takes; `policies` decide how many pods there are; `outcome` is what came of it. It may import the operator's pure core
(`decide`, `gather`, `model`, `sizing`, `validate`), and nothing of it imports the planner.
"""

import queueworkerpool  # noqa: F401 -- with it is installed what both share: docs/adr/0023
