"""Writes docs/img/report.png: the page that `qwp simulate --html` makes, as Chromium shows it.

`python -m docs.screenshot` runs it, by hand: two versions of a browser draw other bytes, so nothing compares them.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from queueplanner.commands.simulate import simulate_command
from testbed.browser import MISSING, Browser, program, tab

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "img" / "report.png"
HEIGHT = 1330
"""Pixels: from the answer to the charts over time."""
COMMAND = (
    "simulate -f examples/modernize/pool.yaml --rival keda --load examples/modernize/day.csv"
    " --service 10s~1 --startup 20s --concurrency 1 --slo 60s --html"
)


def main() -> int:
    """Write the picture; return the exit code."""
    found = program()
    if found is None:
        sys.exit(MISSING)
    with TemporaryDirectory() as folder, Browser(found) as browser, tab(browser) as opened:
        page = Path(folder) / "report.html"
        arguments = [*COMMAND.split(), str(page)]
        with patch.object(sys, "argv", ["qwp", *arguments]):
            simulate_command(arguments[1:], standalone_mode=False)
        opened.open(page, width=1100)
        PICTURE.write_bytes(opened.screenshot(HEIGHT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
