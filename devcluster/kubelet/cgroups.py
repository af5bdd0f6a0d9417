"""The control groups of one cluster: made before its kubelets start, removed after everything in them has ended."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from devcluster.golang import cache_key
from devcluster.processes import wait_until

ROOT = Path("/sys/fs/cgroup")
REMOVE_SECONDS = 20
NEEDED = ("cpu", "cpuset", "memory", "pids")


def name(directory: Path) -> str:
    """Return the mark of the cluster that lives in DIRECTORY: the name of its groups."""
    return f"devcluster-{cache_key(str(directory.resolve()))}"


def make(group: str) -> None:
    """Make GROUP (a path such as NAME/node-1) where a kubelet looks for it."""
    for hierarchy in hierarchies():
        folder = hierarchy
        for part in group.split("/"):
            _pass_on_controllers(folder)
            folder = folder / part
            folder.mkdir(exist_ok=True)
            _inherit_cpus(folder)
        _pass_on_controllers(folder)


def remove(group: str) -> None:
    """Remove GROUP and all below it, once their processes have ended. Raises StartFailedError when they do not end."""
    wait_until(lambda: _is_removed(group), REMOVE_SECONDS, f"processes of an earlier cluster live on in cgroup {group}")


def hierarchies() -> list[Path]:
    """Return where groups are made: in each hierarchy of version 1, or in the one of version 2."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [folder for folder in sorted(ROOT.iterdir()) if folder.is_dir() and not folder.is_symlink()]


def _is_removed(group: str) -> bool:
    for hierarchy in hierarchies():
        # The deepest first: only an empty group can be removed.
        for folder, _, _ in os.walk(hierarchy / group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    return not any((hierarchy / group).exists() for hierarchy in hierarchies())


def _pass_on_controllers(folder: Path) -> None:
    """Version 2: let the groups below FOLDER have the controllers that a kubelet needs."""
    if (folder / "cgroup.subtree_control").exists():
        there = (folder / "cgroup.controllers").read_text().split()
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{each}" for each in NEEDED if each in there))


def _inherit_cpus(folder: Path) -> None:
    """Version 1: a group without processors takes no process."""
    for setting in _cpuset_files(folder):
        if not setting.read_text().strip():
            setting.write_text((folder.parent / setting.name).read_text())


def _cpuset_files(folder: Path) -> Iterator[Path]:
    if not (folder / "cgroup.procs").exists() or (folder / "cgroup.controllers").exists():
        return
    yield from (each for each in (folder / "cpuset.cpus", folder / "cpuset.mems") if each.exists())
