"""`make demo`: a real cluster, a real queue, the operator from its chart, and a pool that follows its backlog.

Everything runs on this machine and ends with this program. Exits with 1 when a message is missing or the pool does
not come back to zero. `scenario` has the sequence of events, `programs` starts what runs, `screen` prints.
"""

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from devcluster import DevclusterError
from examples.demo.programs import Programs
from examples.demo.scenario import play
from examples.demo.screen import Screen, plot

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "demo-backlog.png"


def main() -> int:
    """Run the demo; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="qwp-demo-") as folder,
            Programs(ROOT, Path(folder), screen.say) as programs,
        ):
            report = play(programs, screen)
    except KeyboardInterrupt:
        screen.say("stopped; nothing is left running")
        return 130
    except DevclusterError as error:
        screen.say(str(error))
        return 1
    plot(report.samples, PICTURE)
    screen.summary(report, PICTURE.relative_to(ROOT))
    return 0 if report.complete else 1


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
