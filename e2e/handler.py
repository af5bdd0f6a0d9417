"""The handler of the workers of test_workers and test_own_image, which reports what it does. It runs in their pods."""

import json
import time
import urllib.request

from queueworker import Message

REPORTS = "http://reports:8000"


def handle(message: Message) -> None:
    """Work as long as the message says; take more memory than the pod may have when it says that, the first time."""
    order = json.loads(message.body)
    print(order["name"], time.time())  # noqa: T201 - test_own_image looks for it in the pod's log
    _report("begin", order["name"])
    if order.get("memory") and message.receive_count == 1:
        taken = []
        while True:
            taken.append(bytearray(8 << 20))
    time.sleep(order["seconds"])
    _report("end", order["name"])


def _report(what: str, name: str) -> None:
    request = urllib.request.Request(f"{REPORTS}/{what}/{name}", method="POST")  # noqa: S310 - a constant address
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
