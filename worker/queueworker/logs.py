"""Writes one JSON object per log line to standard error, once `commands.run` or a child process has called it.

The lines of libraries look the same. Those that are written while a message is handled say which. What handlers print
goes to standard output, of which it only sees that it is not held back.
"""

import io
import json
import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NoReturn

from queueworker.context import current_message
from queueworker.model import Message

_STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes time, level, logger, message, and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _extras(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Writes the same for people, the fields of `extra` as pairs after the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- the standard library's name
        """Return the line for a record, without its traceback."""
        return " ".join([super().formatMessage(record), *(f"{key}={value}" for key, value in _extras(record).items())])


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD_FIELDS}


class MessageFields(logging.Filter):
    """Adds to each line that is written while a message is handled which message it is, and its trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields, except those that the line has; let every line through."""
        if (message := current_message()) is not None:
            record.__dict__.update({"message_id": message.id, **_origin(message), **record.__dict__})
        return True


def _origin(message: Message) -> dict[str, str]:
    return ({"queue": message.queue_url} if message.queue_url else {}) | message.trace_context


def configure(level: str, log_format: str) -> None:
    """Send the lines of every logger to standard error, as `json` or as `text` for people."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    handler.addFilter(MessageFields())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("botocore", "urllib3", "asyncio"):  # at DEBUG they write whole requests, signatures included
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
    # It logs failures to get credentials with a traceback that quotes STS; they are logged with their remedy, too.
    logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)


def pass_on_prints() -> None:
    """Let each line that a handler prints leave at once, as a terminal gets it, wherever standard output leads.

    A container's log would else have to wait until eight kilobytes are full.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)


def exit_process(code: int) -> NoReturn:
    """Flush all output and end the process at once: threads that still work or wait would only delay its end.

    What cannot be written, because its reader has ended, does not change the exit code, which is about messages.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed before the start, full or without a reader, closed
            stream.flush()
    os._exit(code)
