"""The user's cache: where built and fetched tools stay between runs. Safe under concurrent use by several processes."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devcluster.errors import UnavailableError


def folder() -> Path:
    """Return (and create) the cache folder of this project."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(base).expanduser() / "queueworkerpool"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file PATH.lock while the body runs; others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(target: Path, make: Callable[[Path], None]) -> Path:
    """Return TARGET (a file or a folder), made by MAKE(temporary path) when it is not there yet.

    It appears whole or not at all: made under a temporary name beside it, then renamed.
    """
    if target.exists():
        return target
    with locked(target):
        if not target.exists():
            _make(target, make)
    return target


def _make(target: Path, make: Callable[[Path], None]) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        make(scratch / target.name)
        (scratch / target.name).rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def exclusive(folder: Path, otherwise: str) -> Iterator[None]:
    """Hold FOLDER while the body runs; raise UnavailableError, saying OTHERWISE, when another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UnavailableError(f"{folder} is in use: {otherwise}") from error
        yield
