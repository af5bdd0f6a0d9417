"""Our own worker's handler."""

from benchmarks.peers.work import work
from queueworker import Message


def handle(_message: Message) -> None:
    """Do the work."""
    work()
