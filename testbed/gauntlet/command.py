"""The program of `--exec` in the gauntlet, and what its Python handlers share: how a message's plan is carried out.

It needs the standard library alone, because each message of a worker with `--exec` starts it anew.
"""

import json
import os
import signal
import sys
import time
from typing import Any

FAILED = 3
"""The exit code of a planned failure."""

_journal = os.open(os.environ.get("GAUNTLET_JOURNAL", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_worker = os.environ.get("GAUNTLET_WORKER", "nobody")


def record(event: str, message: str, receive_count: int) -> None:
    """Append one line to the journal, whole, whoever else writes to it."""
    line = f"{event} {message} {_worker} {os.getpid()} {receive_count} {time.monotonic():.6f}\n"
    os.write(_journal, line.encode())


def fails(plan: dict[str, Any], receive_count: int) -> bool:
    """Return whether this delivery is one that the plan lets fail."""
    return receive_count <= int(plan["fails"])


def leave_orphan(seconds: float) -> None:
    """Start a process that outlives this one, and is then reaped by the first of the namespace, or by nobody."""
    if os.fork() == 0:
        time.sleep(seconds)
        os._exit(0)


def die() -> None:
    """End this process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Carry out the plan of one message; return the exit code."""
    message, receive_count = os.environ["SQS_MESSAGE_ID"], int(os.environ["SQS_RECEIVE_COUNT"])
    record("begin", message, receive_count)
    plan = json.loads(os.environ["SQS_ATTRIBUTE_PLAN"])
    if not plan["deaf"]:
        sys.stdin.read()
    if plan["orphan"]:
        leave_orphan(plan["orphan"])
    time.sleep(plan["seconds"])
    if fails(plan, receive_count):
        record("failed", message, receive_count)
        if plan["way"] == "die":
            die()
        return FAILED
    record("ok", message, receive_count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
