"""How a command ends when something is wrong: one sentence that names the fix, and exit code 1; never a traceback.

What cannot be printed has codes of its own: see `commandoutput`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from queueworkerpool.errors import (
    LoginRefusedError,
    NoAnswerError,
    PoolGoneError,
    QueueWorkerPoolError,
    UnknownPathError,
)
from queueworkerpool.names import KIND
from queueworkerpool.show.text import printable

_OTHER_CLUSTER = "choose another cluster with --context or --kubeconfig"


@contextmanager
def reported(about: object = "") -> Iterator[None]:
    """Turn our errors into click's; `about` is what the sentence is about, such as a pool. Raises ClickException."""
    try:
        yield
    except QueueWorkerPoolError as error:
        raise click.ClickException(printable(f"{about}: {sentence(error)}" if about else sentence(error))) from error
    except ModuleNotFoundError as error:
        raise click.ClickException(missing(error)) from error


def missing(error: ModuleNotFoundError) -> str:
    """Return what to install where a library is missing."""
    return f"this installation lacks the library {error.name}: pip install queueworkerpool"


def sentence(error: QueueWorkerPoolError) -> str:
    """Return what is wrong, and what to do about it."""
    match error:
        case PoolGoneError():
            return "there is no such pool; `qwp list --all-namespaces` shows those that there are"
        case UnknownPathError():
            return f"this cluster serves no {KIND}: install the operator's chart there, or {_OTHER_CLUSTER}"
        case NoAnswerError():
            return f"the API server does not answer: start it, or {_OTHER_CLUSTER} ({error})"
        case LoginRefusedError():
            return f"the API server does not take your credentials: log in again, or {_OTHER_CLUSTER}"
        case _:
            return str(error)
