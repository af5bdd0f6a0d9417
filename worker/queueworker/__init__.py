"""The worker runtime: consumes an SQS queue without losing messages. Handlers import what they need from here."""

import sys

from queueworker.context import current_message
from queueworker.hooks import middleware, on_shutdown, on_startup
from queueworker.model import Message, MessageLostError, PartialFailure, Reject, Retry

__all__ = [
    "Message",
    "MessageLostError",
    "PartialFailure",
    "Reject",
    "Retry",
    "current_message",
    "middleware",
    "on_shutdown",
    "on_startup",
]

sys.path.append(f"{__path__[0]}/_common")  # where what the operator has too is installed: docs/adr/0023
