"""`python -m testbed.hpa`: records what the real HPA controller does with all series, for the planner's tests."""

import sys
import tempfile
from pathlib import Path

from devcluster import Cluster
from testbed.hpa.controller import flags, play
from testbed.hpa.recording import FILE, write
from testbed.hpa.series import FOR_THE_PLANNER, SERIES


def main() -> None:
    """Record; two minutes."""
    series = SERIES | FOR_THE_PLANNER
    with tempfile.TemporaryDirectory(prefix="hpa-") as name:
        folder = Path(name)
        with Cluster(folder / "cluster", node=False, controller_manager=flags(series)) as cluster:
            write(play(cluster, folder / "keys", series))
    sys.stderr.write(f"{FILE}\n")


if __name__ == "__main__":
    main()
