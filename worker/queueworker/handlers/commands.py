"""The handler of `--exec`: runs a command for each message, with the body as standard input.

`commands.run` loads it only where it is needed.
"""

import base64
import logging
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from queueworker.handlers import processes
from queueworker.handlers.handler import InterruptibleHandler
from queueworker.model import TRACE_ATTRIBUTES, InterruptedWorkError, Message, ReportedError, log_fields

logger = logging.getLogger(__name__)

MAX_VARIABLE_BYTES = 128 * 1024
"""Linux starts no program with a longer variable, its name and the byte at its end included (MAX_ARG_STRLEN)."""


class CommandFailedError(ReportedError):
    """A message's command ended with another exit code than 0."""


class CommandHandler(InterruptibleHandler):
    """Runs a command per message: body on its standard input, attributes in its environment, exit code 0 is success."""

    def __init__(self, command: str) -> None:
        """Parse a command line without shell syntax.

        Raises:
            UsageError: the command line cannot be parsed, or there is no such program.
        """
        self._argv = processes.parse_command("--exec", command)
        # A command that is a Python program prints at once, unless somebody has decided otherwise.
        self._environment = {"PYTHONUNBUFFERED": "1"} | os.environ
        self._lock = threading.Lock()
        self._running: set[processes.Process] = set()
        self._stopped = False
        processes.reap_orphans(self._lock, lambda: [process.pid for process in self._running])

    def __call__(self, message: Message) -> None:
        """Run the command for one message.

        Raises:
            CommandFailedError: its exit code is not 0.
            InterruptedWorkError: it was stopped because the worker ends.
        """
        process = self._start(message)
        try:
            process.wait()
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode and self._stopped:
            raise InterruptedWorkError
        if process.returncode:
            raise CommandFailedError(processes.describe_exit("the command", process.returncode))

    def stop(self) -> None:
        """Terminate the running commands, with their process groups."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        processes.terminate_all(running)

    def _start(self, message: Message) -> processes.Process:
        with self._lock:
            if self._stopped:
                raise InterruptedWorkError
            environment = self._environment | environment_of(message)
            with _as_file(message.body) as body:
                # A group of its own: Ctrl-C in a terminal is for the worker, which decides when to end the command.
                process = subprocess.Popen(self._argv, stdin=body, env=environment, start_new_session=True)
            self._running.add(process)
        return process


@contextmanager
def _as_file(body: str) -> Iterator[IO[bytes]]:
    """Return a file with the body, to be read from its beginning.

    A pipe would have to be filled while the command runs: one that never reads it, and leaves it to a process of its
    own, would never let us go on.
    """
    with _unnamed_file() as file:
        file.write(body.encode())
        file.seek(0)
        yield file


def _unnamed_file() -> IO[bytes]:
    # In memory where there is such a thing, because a container may have no place to write to.
    return os.fdopen(os.memfd_create("body"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()


def environment_of(message: Message) -> dict[str, str]:
    """Return the environment variables that describe a message. Binary attributes are written in base64.

    What is too long for a variable is left out, and named in SQS_LEFT_OUT.
    """
    environment = {"SQS_MESSAGE_ID": message.id, "SQS_RECEIVE_COUNT": str(message.receive_count)}
    environment["SQS_QUEUE_URL"] = message.queue_url
    environment["SQS_DEADLINE"] = str(int(message.deadline))
    if message.group is not None:
        environment["SQS_MESSAGE_GROUP_ID"] = message.group
    for name, value in message.attributes.items():
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        environment["SQS_ATTRIBUTE_" + _variable_name(name)] = text
    if left_out := [
        name for name, value in environment.items() if len(f"{name}={value}".encode()) >= MAX_VARIABLE_BYTES
    ]:
        environment = {name: value for name, value in environment.items() if name not in left_out}
        environment["SQS_LEFT_OUT"] = " ".join(left_out)
        logger.warning("variables left out", extra=log_fields(message) | {"variables": left_out})
    # OpenTelemetry and X-Ray look for the trace context in variables of these names.
    environment |= {
        _variable_name(name): environment["SQS_ATTRIBUTE_" + _variable_name(name)]
        for name in TRACE_ATTRIBUTES
        if "SQS_ATTRIBUTE_" + _variable_name(name) in environment
    }
    return environment | ({"_X_AMZN_TRACE_ID": message.trace_header} if message.trace_header else {})


def _variable_name(attribute: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", attribute).upper()
