"""The worker runtime: consumes an SQS queue without losing work. What a handler needs is imported from here."""

from queueworker.model import Message, MessageLostError, Reject, Retry

__all__ = ["Message", "MessageLostError", "Reject", "Retry"]
