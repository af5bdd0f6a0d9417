"""Where threads are: what `sys._current_frames` returns, without the risk that the process stands still.

The operator's health check and the worker's runs in memory ask it. It knows neither program, nor what threads wait for.
"""

import gc
import sys
import threading
from types import FrameType
from typing import Final

_LOCK: Final = threading.Lock()
"""Held while no garbage is collected, so that no other thread takes that for how it was before."""


def current_frames() -> dict[int, FrameType]:
    """Return each thread's innermost frame.

    Python 3.11 holds a lock of the interpreter meanwhile, and may collect garbage: if a finalizer lets another thread
    run, and that starts or ends a thread, both wait for ever, and with them the whole process (CPython's gh-106883).
    """
    with _LOCK:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()  # noqa: SLF001 -- the documented way to see what other threads do
        finally:
            if enabled:
                gc.enable()
