"""The handler that `--exec` names: a command per message. Finds it, tells it about its message, runs it."""

import base64
import os
import re
import shlex
import shutil
import subprocess
import threading

from queueworker.errors import UsageError
from queueworker.handlers import processes
from queueworker.handlers.loading import InterruptibleHandler
from queueworker.model import TRACE_ATTRIBUTES, InterruptedWorkError, Message, ReportedError


class CommandFailedError(ReportedError):
    """The command of a message ended with another exit code than 0."""


class Command(InterruptibleHandler):
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
        self._running: set[processes.Process] = set()
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
            raise CommandFailedError(processes.told("the command", process.returncode))

    def stop(self) -> None:
        """End the commands that run, with their process groups."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        processes.end_all(running)

    def _start(self, message: Message) -> processes.Process:
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
    told["SQS_DEADLINE"] = str(int(message.deadline))
    if message.group is not None:
        told["SQS_MESSAGE_GROUP_ID"] = message.group
    for name, value in message.attributes.items():
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        told["SQS_ATTRIBUTE_" + _variable(name)] = text
    # OpenTelemetry and X-Ray look for the trace context in variables of these names.
    told |= {
        _variable(name): told["SQS_ATTRIBUTE_" + _variable(name)]
        for name in TRACE_ATTRIBUTES
        if name in message.attributes
    }
    return told | ({"_X_AMZN_TRACE_ID": message.trace_header} if message.trace_header else {})


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()
