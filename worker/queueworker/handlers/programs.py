"""The handler of `--serve`: passes messages to programs in any language, one at a time in each, as lines of JSON.

`commands.run` loads it only where it is needed. The lines are `serve_protocol`'s, and explained in docs/serve.md.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import TimeoutExpired

from queueworker.errors import UsageError
from queueworker.handlers import processes
from queueworker.handlers.lines import LineStream, LineTooLongError, StreamEndedError, started
from queueworker.handlers.process_pool import HandlerFailedError, PooledHandler, ProcessLostError
from queueworker.handlers.serve_protocol import (
    Answer,
    AnswerKind,
    ProtocolError,
    check_ready,
    encode_extension,
    encode_message,
    parse_answer,
    shown,
)
from queueworker.model import Message, MessageLostError, Reject, Retry

logger = logging.getLogger(__name__)

READY_WARNING_SECONDS = 10.0
"""After this long without its first line, a program that starts is logged."""

MAX_OVERDUE_SECONDS = 60.0
"""How long after its message's deadline a program is ended, so that one that never answers does not keep its place."""


class ProgramHandler(PooledHandler):
    """Passes each message to a running program."""

    def __init__(self, command: str) -> None:
        """Start a first program.

        Raises:
            UsageError: the command line cannot be parsed, or there is no such program.
            ProcessLostError: it ended, or wrote something else, instead of getting ready.
        """
        argv = processes.parse_command("--serve", command)
        super().__init__(lambda: Program(argv))


class Program:
    """One running program."""

    takes_batches = False

    def __init__(self, argv: list[str]) -> None:
        """Start it.

        Raises:
            UsageError: it is not executable.
        """
        try:
            self.process = started(argv)
        except OSError as error:
            raise UsageError(f"--serve: {argv[0]} cannot be started: {error.strerror}") from error
        self._lines = LineStream(self.process)
        self._warn_at = time.monotonic() + READY_WARNING_SECONDS
        self.closed = False

    def wait_until_loaded(self) -> None:
        """Wait for its first line.

        Raises:
            ProcessLostError: there is none, or it is another one.
        """
        with self._ended_by_faults():
            check_ready(self._lines.receive(self._warn_when_silent))

    def wait_until_ready(self) -> None:
        """Do nothing: with its first line it is ready."""

    def usable(self) -> bool:
        """Return whether it can take another message: it runs, and has written nothing that nobody asked for."""
        if self.closed or self.process.poll() is not None:
            return False
        if not self._lines.has_more():
            return True
        logger.error("program ended for lines that nobody asked for", extra={"line": shown(self._lines.unread())})
        return False

    def handle(self, message: Message) -> None:
        """Pass a message to it, and serve its requests until it has answered.

        Raises:
            Retry: as the program answered.
            Reject: as the program answered.
            HandlerFailedError: the program answered that it failed.
            ProcessLostError: it ended, or wrote something that is no answer.
        """
        with self._ended_by_faults():
            answer = self._answer_to(message)
        _raise_failure(answer)

    def cancel(self) -> bool:
        """Do nothing: it knows the deadline of its message, and gets SIGTERM."""
        return False

    def close(self) -> None:
        """Close its standard input, on which it should end, and terminate it if it does not."""
        self.closed = True
        self._lines.close_input()
        with suppress(TimeoutExpired):
            self.process.wait(processes.TERMINATION_TIMEOUT_SECONDS)
        self._terminate()

    def _terminate(self) -> None:
        self.closed = True
        processes.terminate(self.process)
        self._lines.close()

    def _answer_to(self, message: Message) -> Answer:
        def check() -> None:
            if message.handle.remaining_seconds() < -MAX_OVERDUE_SECONDS:
                raise ProtocolError("it has not answered by the deadline of its message")

        self._lines.send(encode_message(message), check)
        while (answer := parse_answer(self._lines.receive(check), message.id)).kind is AnswerKind.EXTEND:
            extended = _extend(message, answer.seconds)
            self._lines.send(encode_extension(message, extended=extended), check)
        return answer

    def _warn_when_silent(self) -> None:
        if time.monotonic() > self._warn_at:
            self._warn_at = float("inf")
            logger.warning("program has not said yet that it is ready", extra={"pid": self.process.pid})

    @contextmanager
    def _ended_by_faults(self) -> Iterator[None]:
        """End the program when it does not keep to the protocol: what it would write next could mean anything."""
        try:
            yield
        except ProtocolError as error:
            self._terminate()
            raise ProcessLostError(f"the program was ended: {error}") from error
        except LineTooLongError as error:
            self._terminate()
            raise ProcessLostError(f"the program was ended: it wrote too long a line: {shown(error.start)}") from error
        except StreamEndedError as error:
            raise ProcessLostError(self._end() + _unfinished(error.rest)) from error

    def _end(self) -> str:
        """Return how the program ended, after it has closed its standard output."""
        with suppress(TimeoutExpired):
            self.process.wait(processes.TERMINATION_TIMEOUT_SECONDS)
        running = self.process.poll() is None
        self._terminate()
        if running:
            return "the program was ended: it has closed its standard output"
        return processes.describe_exit("the program", self.process.returncode)


def _unfinished(line: bytes) -> str:
    return f", within a line: {shown(line)}" if line else ""


def _extend(message: Message, seconds: float) -> bool:
    try:
        message.extend(seconds)
    except MessageLostError:
        return False
    return True


def _raise_failure(answer: Answer) -> None:
    if answer.kind is AnswerKind.RETRY:
        raise Retry(answer.seconds)
    if answer.kind is AnswerKind.REJECT:
        raise Reject(answer.text)
    if answer.kind is AnswerKind.FAILURE:
        raise HandlerFailedError(answer.text)
