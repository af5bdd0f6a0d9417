"""Loopback addresses for pods: unique on this machine, given again as late as possible.

A node owns one /16 of 127.0.0.0/8, held by a lock file, so two nodes of one user never share an address.
"""

import fcntl
import ipaddress
import random
from collections import deque
from pathlib import Path
from typing import IO

# 127.0.x.y is where everybody's servers listen.
NETWORKS = range(1, 255)


class Addresses:
    """The addresses of one /16, `127.NETWORK.0.1` up; a freed one comes back only when all others were used."""

    def __init__(self, network: int) -> None:
        self._hosts = ipaddress.IPv4Network(f"127.{network}.0.0/16").hosts()
        self._freed: deque[str] = deque()

    def take(self) -> str:
        """Return an address that no pod has; raises LookupError when there is none."""
        fresh = next(self._hosts, None)
        if fresh is not None:
            return str(fresh)
        if not self._freed:
            raise LookupError("all loopback addresses of this node are in use")
        return self._freed.popleft()

    def free(self, address: str) -> None:
        """Give ADDRESS back."""
        self._freed.append(address)


def claim_network(folder: Path) -> tuple[int, IO[str]]:
    """Return a network number that no other node holds, and the open lock file that keeps it so."""
    folder.mkdir(parents=True, exist_ok=True)
    for network in random.sample(NETWORKS, len(NETWORKS)):
        lock = (folder / f"127.{network}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return network, lock
    raise LookupError(f"all loopback networks are claimed; the locks are in {folder}")
