"""Outputs that take nothing, for a standard output or a standard error."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TextIO

Output = Callable[[], AbstractContextManager[TextIO]]
"""Opens one."""


@contextmanager
def full() -> Iterator[TextIO]:
    """Yield a file on a full disk."""
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        yield stream


@contextmanager
def closed() -> Iterator[TextIO]:
    """Yield a pipe whose reader has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream
