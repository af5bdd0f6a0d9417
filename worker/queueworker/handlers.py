"""What a message is given to: a Python function, a coroutine function, or a command. Finds it and checks it.

Handlers know nothing of queues: they return, or they raise.
"""

import base64
import importlib
import inspect
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeGuard

from queueworker.errors import UsageError
from queueworker.model import InterruptedWorkError, Message

Handler = Callable[[Message], object]
CoroutineHandler = Callable[[Message], Coroutine[Any, Any, object]]

TERM_SECONDS = 2.0
"""How long a command may take to end after SIGTERM, before SIGKILL."""


class CommandFailedError(Exception):
    """The command of a message ended with another exit code than 0."""


def load(target: str) -> Handler:
    """Import MODULE:FUNCTION, the working directory included. Raises UsageError; what the module raises passes."""
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
    return found  # type: ignore[no-any-return]  # what it takes shows when it is called


def is_coroutine_function(handler: Handler) -> TypeGuard[CoroutineHandler]:
    """Tell whether calling the handler gives a coroutine."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004 -- an object with `async def __call__` is asked for


class Command:
    """Runs a command per message: body on its standard input, attributes in its environment, exit code 0 is success."""

    def __init__(self, command: str, queue_url: str) -> None:
        """Take a command line without shell syntax. Raises UsageError when there is no such program."""
        try:
            self._argv = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"--exec {command!r}: {error}; quote it as for a shell") from error
        if not self._argv or shutil.which(self._argv[0]) is None:
            raise UsageError(f"--exec {command!r}: there is no such program; give a path, or install it")
        self._environment = os.environ | {"SQS_QUEUE_URL": queue_url}
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def __call__(self, message: Message) -> None:
        """Run the command for one message. Raises CommandFailedError."""
        process = self._start(message)
        try:
            process.communicate(message.body.encode())
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode and self._stopped:
            raise InterruptedWorkError
        if process.returncode:
            raise CommandFailedError(_told(process.returncode))

    def stop(self) -> None:
        """End the commands that run: SIGTERM to their process groups, SIGKILL to those that stay."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _send(process, signal.SIGTERM)
        threads = [threading.Thread(target=_end, args=(process,), daemon=True) for process in running]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _start(self, message: Message) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise InterruptedWorkError
            environment = self._environment | environment_of(message)
            # A group of its own: Ctrl-C in a terminal is for the worker, which decides when to end the command.
            process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, env=environment, start_new_session=True)
            self._running.add(process)
        return process


def environment_of(message: Message) -> dict[str, str]:
    """What a command is told beside the body. Binary attributes are written in base64."""
    told = {"SQS_MESSAGE_ID": message.id, "SQS_RECEIVE_COUNT": str(message.receive_count)}
    if message.group is not None:
        told["SQS_MESSAGE_GROUP_ID"] = message.group
    for name, value in message.attributes.items():
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        told["SQS_ATTRIBUTE_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()] = text
    return told


def _told(returncode: int) -> str:
    if returncode < 0:
        return f"the command was ended by {signal.Signals(-returncode).name}"
    return f"the command's exit code was {returncode}"


def _send(process: "subprocess.Popen[bytes]", signum: signal.Signals) -> None:
    if process.poll() is None:
        try:
            os.killpg(process.pid, signum)
        except ProcessLookupError:
            return  # it has just ended


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(TERM_SECONDS)
    except subprocess.TimeoutExpired:
        _send(process, signal.SIGKILL)
        process.wait()
