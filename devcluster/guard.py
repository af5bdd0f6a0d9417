"""Run a program that cannot outlive its parent: `python guard.py SIGNAL PARENT PROGRAM ARGUMENT...`.

The kernel sends SIGNAL to this process when its parent ends, however badly; the setting survives exec. A file of its
own, run as a script, because a preexec_fn is not safe in a parent that has threads. It must import nothing of ours.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int, parent: int) -> None:
    """Ask the kernel for SIGNAL at the parent's end; end at once if the parent has ended before we asked."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - running the given program is this file's whole purpose
