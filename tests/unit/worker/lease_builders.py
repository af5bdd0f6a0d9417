"""Builds lease tables for the tests, and sums up their requests."""

from collections.abc import Iterator

from queueworker.lease.records import Action, BatchRequest, Lease
from queueworker.lease.table import LeaseTable
from queueworker.model import Message


def messages(number: int) -> Iterator[Message]:
    """Return this many different messages."""
    return (Message(id=f"m{i}", body="", receipt_handle=f"r{i}") for i in range(number))


def table_with(number: int, visibility: int = 30, now: float = 0.0) -> tuple[LeaseTable, list[Lease]]:
    """Return a table with this many leases, and the leases."""
    table = LeaseTable(visibility)
    added = [table.add(message, hidden_since=now, now=now) for message in messages(number)]
    return table, [lease for lease in added if lease is not None]


def summary(requests: list[BatchRequest]) -> list[tuple[Action, int]]:
    """Return the action and the number of messages of each request."""
    return [(request.action, len(request.leases)) for request in requests]


def confirm(table: LeaseTable, requests: list[BatchRequest], now: float) -> None:
    """Record that SQS confirmed all of the requests."""
    for request in requests:
        table.record_answer(request, {}, sent_at=now, now=now)
