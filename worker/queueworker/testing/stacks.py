"""Where threads are. `turns` says it of those of a run that cannot go on; it does not know what they wait for."""

import gc
import sys
import threading
import traceback
from collections.abc import Iterable
from types import FrameType
from typing import Final

_LOCK: Final = threading.Lock()
"""Held while no garbage is collected, so that no other thread takes that for how it was before."""


def stacks_of(threads: Iterable[threading.Thread]) -> str:
    """Return the stacks of these threads, each with its name; of one that has ended nothing."""
    frames = _current_frames()
    return "\n".join(
        thread.name + ":\n" + "".join(traceback.format_stack(frames[thread.ident]))
        for thread in threads
        if thread.ident in frames
    )


def _current_frames() -> dict[int, FrameType]:
    """Return each thread's innermost frame.

    Python 3.11 holds a lock of the interpreter meanwhile, and may collect garbage: if a finalizer lets another thread
    run, and that starts or ends a thread, both wait for ever, and with them the whole process (CPython's gh-106883).
    """
    with _LOCK:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()  # noqa: SLF001 -- documented, for exactly this
        finally:
            if enabled:
                gc.enable()
