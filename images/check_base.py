"""Says in one sentence why an image cannot be a base of ours. The Dockerfile's first stage runs it.

It must also run on Pythons that are too old, to say so. Else pip would fail minutes later, and blame a library.
"""

from __future__ import annotations

import sys
import sysconfig
from importlib.util import find_spec

OLDEST = (3, 11)
WANTED = "take an image with glibc, Python {}.{} or newer and pip, such as python:3.11-slim".format(*OLDEST)


def complaint(platform: str, version: tuple[int, int], *, has_pip: bool) -> str | None:
    """Return what is wrong with a base; None when nothing is.

    Args:
        platform: What Python's extension modules are built for, such as `cpython-311-x86_64-linux-gnu`.
        version: Python's.
        has_pip: Whether it has pip.
    """
    if "musl" in platform:
        return f"BASE has musl instead of glibc, as Alpine does, for which the images are not made: {WANTED}"
    if version < OLDEST:
        return "BASE has Python {}.{}: {}".format(*version, WANTED)
    return None if has_pip else f"BASE has Python without pip: {WANTED}"


if __name__ == "__main__":
    soabi = str(sysconfig.get_config_var("SOABI"))
    sys.exit(complaint(soabi, (sys.version_info[0], sys.version_info[1]), has_pip=find_spec("pip") is not None))
