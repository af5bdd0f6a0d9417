"""Files that a command writes beside what it prints. What cannot be written is said before anything is played."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from queueworkerpool.commands import NothingDoneError

Found = TypeVar("Found")


def picture(path: Path, draw: Callable[[Found], None]) -> Callable[[Found], None]:
    """Return what draws a picture for --picture. Raises UsageError for a path to which none can be written."""
    from queueplanner.report.pictures import PictureError, checked  # noqa: PLC0415 -- see the package's docstring

    try:
        checked(path)
    except PictureError as error:
        raise click.UsageError(f"--picture {error}") from error
    return file("--picture", path, draw)


def file(option: str, path: Path, write: Callable[[Found], None]) -> Callable[[Found], None]:
    """Return the same, with a sentence for what cannot be written. Raises UsageError for what cannot be one."""
    if str(path) == "-":
        raise click.UsageError(f"{option} -: it is written to a file, and not to standard output: name one")
    if path.is_dir():
        raise click.UsageError(f"{option} {path}: it is a folder: name a file in it")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"{option} {path}: there is no folder {path.parent}: make it first")

    def written(found: Found) -> None:
        try:
            write(found)
        except OSError as error:
            raise NothingDoneError(f"{option} {path}: {error.strerror or error}") from error

    return written
