"""The worker runtime: consumes an SQS queue without losing work. A handler needs `Message` and `Retry` from here."""

from queueworker.model import Message, Retry

__all__ = ["Message", "Retry"]
