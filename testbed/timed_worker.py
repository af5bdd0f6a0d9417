"""The handler of the workers of `scale_in_scenario`: it works as long as its message says, and records when and where.

`queueworker` runs it. A message is `{"id": …, "seconds": …}`; `worker_log` reads the lines that this module writes.
"""

import json
import os
import time

from queueworker import Message

_descriptor = os.open(os.environ["BENCH_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def handle(message: Message) -> None:
    """Work on one message."""
    body = json.loads(message.body)
    _record("begun", body["id"])
    time.sleep(body["seconds"])
    _record("ended", body["id"])


def _record(event: str, message: str) -> None:
    os.write(_descriptor, f"{event} {message} {os.environ['BENCH_POD']} {time.time()}\n".encode())
