"""Imports the Python function that `--handler` names, for `commands.run` and each child process; it runs nothing.

What is called with each message is a chain that is built here, once.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from queueworker.errors import UsageError
from queueworker.handlers.batch_middleware import wrap_batch
from queueworker.handlers.fitting import fit
from queueworker.handlers.handler import BatchHandler, Handler
from queueworker.handlers.middleware import wrap
from queueworker.handlers.returned import why_unusable
from queueworker.hooks import REGISTRY


def load(target: str) -> Handler:
    """Import MODULE:FUNCTION, fit it to messages, and put the registered middleware around it.

    Modules in the working directory are found, too.

    Raises:
        UsageError: there is no such module or function, it could never do its work, or asks for what no message has.
        Exception: whatever the module raises while it is imported.
    """
    function = _find(target)
    try:
        return prepare(function)
    except UsageError as error:
        raise UsageError(f"handler {target!r}: {error}") from error


def prepare(function: Callable[..., object]) -> Handler:
    """Return what is called with each message: the function, fitted to messages, with the middleware around it.

    Raises:
        UsageError: it could never do its work, or asks for what no message has.
    """
    if problem := why_unusable(function):
        raise UsageError(problem)
    fitted = fit(function)
    if isinstance(fitted, BatchHandler):
        return wrap_batch(fitted, REGISTRY.middleware)
    return wrap(fitted, REGISTRY.middleware)


def _find(target: str) -> Callable[..., object]:
    name, _, path = target.partition(":")
    if not name or not path:
        raise UsageError(f"handler {target!r}: write it as MODULE:FUNCTION, such as examples.handlers:sleep")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise UsageError(f"handler {target!r}: there is no module {error.name}; is it on PYTHONPATH?") from error
        raise
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"handler {target!r}: module {name} has no function {path}")
    return found  # type: ignore[no-any-return]  # any function may be
