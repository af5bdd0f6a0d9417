"""The handler of `scale_in`'s workers: takes as long as its message says, and writes down when, and in which pod.

`queueworker` runs it. A message is `{"id": …, "seconds": …}`; what is written, one line each, `crews` reads.
"""

import json
import os
import time

from queueworker import Message

_descriptor = os.open(os.environ["BENCH_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def handle(message: Message) -> None:
    """Work on one message."""
    order = json.loads(message.body)
    _note("begun", order["id"])
    time.sleep(order["seconds"])
    _note("ended", order["id"])


def _note(what: str, message: str) -> None:
    os.write(_descriptor, f"{what} {message} {os.environ['BENCH_POD']} {time.time()}\n".encode())
