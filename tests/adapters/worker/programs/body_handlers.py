"""Handlers of bodies: they write what they got to the file that JOURNAL names."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from queueworker import Message, Reject
from queueworker.events import S3Record


@dataclass
class Order:
    id: int
    customer: str
    amount: float = 1.0


def write(text: str) -> None:
    with Path(os.environ["JOURNAL"]).open("a") as journal:
        journal.write(f"handled {text} 1\n")


def take_order(order: Order, message: Message) -> None:
    message.extend(30)
    write(f"{order.id}/{order.customer}/{order.amount}")


async def take_order_async(order: Order) -> None:
    await asyncio.sleep(0)
    write(f"{order.id}/{order.customer}/{order.amount}")


def take_records(records: list[S3Record]) -> None:
    write("/".join(f"{each.bucket}:{each.key}" for each in records))


def take_message(message: Message) -> None:
    write(f"{message.body}/{message.trace_context.get('traceparent')}/{message.raw_body is not None}")


def digest(body: bytes) -> None:
    write(hashlib.sha256(body).hexdigest())


async def digest_async(body: bytes) -> None:
    write(hashlib.sha256(body).hexdigest())


def take_event_and_context(event, context):  # type: ignore[no-untyped-def]  # noqa: ARG001 -- as AWS Lambda calls its handlers
    raise AssertionError


def reject(body: bytes) -> None:
    raise Reject(f"{len(body)} bytes of no use")
