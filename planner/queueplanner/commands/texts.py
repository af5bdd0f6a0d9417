"""The texts of files that options name."""

from queueworkerpool.commands import NothingDoneError, text_of
from queueworkerpool.errors import QueueWorkerPoolError


def read(option: str, path: str) -> str:
    """Return the text of a file that an option names. Raises ClickException."""
    try:
        return text_of(path)
    except OSError as error:
        raise NothingDoneError(f"{option} {path}: {error.strerror or error}") from error
    except QueueWorkerPoolError as error:
        raise NothingDoneError(f"{option} {path}: {error}") from error
