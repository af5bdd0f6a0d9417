"""`make demo`: a real cluster, a real queue, the operator from its chart, and a pool that follows its backlog.

Everything runs on this machine and ends with this program. Exits with 1 when a message is missing or the pool does
not come back to zero. `scenario` says what happens when, `world` knows the programs, `screen` shows it.
"""

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from devcluster import DevclusterError
from examples.demo.scenario import play
from examples.demo.screen import Screen, plot
from examples.demo.world import World

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "demo-backlog.png"


def main() -> int:
    """Play the demo; returns the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen()
    try:
        with tempfile.TemporaryDirectory(prefix="qwp-demo-") as folder, World(ROOT, Path(folder), screen.say) as world:
            story = play(world, screen)
    except KeyboardInterrupt:
        screen.say("stopped; nothing is left running")
        return 130
    except DevclusterError as error:
        screen.say(str(error))
        return 1
    plot(story.samples, PICTURE)
    screen.summary(story, PICTURE.relative_to(ROOT))
    return 0 if story.complete else 1


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
