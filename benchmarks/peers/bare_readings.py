"""What a reading costs by boto3's client alone: one thread, paced, nothing decided. Prints CPU seconds per call.

`bare_readings.py RATE GRID SECONDS QUEUE...`: calls per second, and the seconds on whose multiples they fall in groups;
0 spaces them evenly.
"""

import json
import sys
import time
from itertools import cycle

import boto3
from botocore.config import Config

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
WARM_UP_CALLS = 100


def main(rate: float, grid: float, seconds: float, queues: list[str]) -> None:
    """Call as often as that, and print what it cost."""
    client = boto3.client("sqs", config=Config(user_agent="bare", parameter_validation=False))
    urls = cycle(queues)

    def read() -> None:
        client.get_queue_attributes(QueueUrl=next(urls), AttributeNames=list(COUNTS))  # type: ignore[arg-type]

    for _ in range(WARM_UP_CALLS):
        read()
    begun, used, calls = time.monotonic(), time.process_time(), 0
    while (now := time.monotonic() - begun) < seconds:
        due = calls / rate
        due = due // grid * grid if grid else due
        time.sleep(max(0.0, due - now))
        read()
        calls += 1
    print(json.dumps({"cpu_seconds_per_call": (time.process_time() - used) / calls, "calls": calls}))


if __name__ == "__main__":
    rate, grid, seconds = map(float, sys.argv[1:4])
    main(rate, grid, seconds, sys.argv[4:])
