"""Find and end processes that a node has left behind: those whose environment carries the node's mark.

A pod's process may have started others in groups of their own; the environment is what they cannot help inheriting.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

MARK = "DEVCLUSTER_NODE"


def mark(folder: Path) -> dict[str, str]:
    """Return the environment variable that marks everything started by the node that keeps its files in FOLDER."""
    return {MARK: str(folder.resolve())}


def find(folder: Path) -> Iterator[int]:
    """Yield the ids of the processes that carry the mark of FOLDER's node."""
    wanted = f"{MARK}={folder.resolve()}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)


def end(folder: Path) -> None:
    """Kill every process that carries the mark of FOLDER's node."""
    for pid in find(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
