"""Where threads are. `turns` says it of those of a run that cannot go on; it does not know what they wait for."""

import threading
import traceback
from collections.abc import Iterable

from threadframes import current_frames


def stacks_of(threads: Iterable[threading.Thread]) -> str:
    """Return the stacks of these threads, each with its name; of one that has ended nothing."""
    frames = current_frames()
    return "\n".join(
        thread.name + ":\n" + "".join(traceback.format_stack(frames[thread.ident]))
        for thread in threads
        if thread.ident in frames
    )
