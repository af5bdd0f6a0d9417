"""The worker runtime: consumes an SQS queue without losing messages. Handlers import what they need from here."""

from queueworker.model import Message, MessageLostError, Reject, Retry

__all__ = ["Message", "MessageLostError", "Reject", "Retry"]
