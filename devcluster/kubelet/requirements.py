"""What a real node needs of the machine: says in one sentence what is missing."""

import os
import shutil
import sys
from pathlib import Path

from devcluster.errors import UnavailableError

PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "conntrack": "conntrack",
}
"""Programs by the Debian package that has them."""

PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))
PLUGINS_PACKAGE = "containernetworking-plugins"


def check() -> None:
    """Raise UnavailableError when a real node cannot run here."""
    if sys.platform != "linux":
        raise UnavailableError("a real node needs Linux: use kind, or a process node (without --node kubelet)")
    if os.geteuid() != 0:
        raise UnavailableError("a real node needs root: use kind, or a process node (without --node kubelet)")
    missing = {package for program, package in PACKAGES.items() if shutil.which(program) is None}
    if not _plugin_folders():
        missing.add(PLUGINS_PACKAGE)
    if missing:
        raise UnavailableError(f"a real node needs more of this machine: apt-get install {' '.join(sorted(missing))}")


def plugins() -> Path:
    """Return the folder of the CNI plugins, which `check` has found."""
    return _plugin_folders()[0]


def _plugin_folders() -> list[Path]:
    return [folder for folder in PLUGIN_FOLDERS if (folder / "ptp").exists()]
