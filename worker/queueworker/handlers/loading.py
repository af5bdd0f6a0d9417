"""Imports the Python function that `--handler` names, for `commands.run` and each child process; it runs nothing."""

import importlib
import sys
from pathlib import Path
from typing import Any

from queueworker.errors import UsageError
from queueworker.handlers.handler import Handler
from queueworker.handlers.middleware import wrap
from queueworker.handlers.returned import why_unusable
from queueworker.hooks import REGISTRY


def load(target: str) -> Handler:
    """Import MODULE:FUNCTION, with the middleware that is registered; modules in the working directory are found, too.

    Raises:
        UsageError: there is no such module or function, or it could never do its work.
        Exception: whatever the module raises while it is imported.
    """
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
    if problem := why_unusable(found):
        raise UsageError(f"handler {target!r}: {problem}")
    return wrap(found, REGISTRY.middleware)  # what it takes shows when it is called
