"""Our own worker's handler of several queues: it takes the seconds that a body says, and keeps a journal per queue."""

import os
import time
from functools import cache

from queueworker import Message

JOURNAL = os.environ["BENCH_JOURNAL"]


@cache
def _descriptor(queue_url: str) -> int:
    return os.open(f"{JOURNAL}-{queue_url.rpartition('/')[2]}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def handle(message: Message) -> None:
    """Take the seconds; then add a byte to the queue's journal."""
    if seconds := float(message.body):
        time.sleep(seconds)
    os.write(_descriptor(message.queue_url), b".")
