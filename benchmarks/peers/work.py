"""The work of every consumer's handler, and the settings of its program from BENCH_* variables: the same for all."""

import os
import time

QUEUE = os.environ.get("BENCH_QUEUE", "bench")
QUEUE_URL = os.environ.get("BENCH_QUEUE_URL", "")
CONCURRENCY = int(os.environ.get("BENCH_CONCURRENCY", "8"))
BATCH = int(os.environ.get("BENCH_BATCH", "10"))
VISIBILITY_SECONDS = 600

_SECONDS = float(os.environ.get("BENCH_SECONDS", "0"))
_JOURNAL = os.environ.get("BENCH_JOURNAL")
_descriptor = os.open(_JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if _JOURNAL else None


def work() -> None:
    """Take BENCH_SECONDS; then add a byte to the journal, where there is one."""
    if _SECONDS:
        time.sleep(_SECONDS)
    if _descriptor is not None:
        os.write(_descriptor, b".")
