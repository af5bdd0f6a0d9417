"""What people use instead, under the names that `qwp simulate --rival` takes: with defaults, and as an expert sets it.

`RIVALS` is the table of them. It plays nothing.
"""

from collections.abc import Mapping

from queueplanner.presets import aws, kubernetes, primaries
from queueplanner.presets.rival import Rival

RIVALS: Mapping[str, Rival] = {rival.name: rival for rival in (*kubernetes.RIVALS, *aws.RIVALS, *primaries.RIVALS)}
"""What `--rival` takes, by name."""
