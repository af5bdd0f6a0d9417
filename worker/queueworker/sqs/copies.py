"""What is requested of SQS to send a copy of a message to another queue. Pure; `queues` and `inspection` send it."""

from base64 import b64encode
from typing import Any

from queueaddress import is_fifo
from queueworker.model import Message


def copy_of(message: Message, url: str, deduplication_id: str, *, takes_groups: bool = True) -> dict[str, Any]:
    """Return the parameters for a copy of a message: body, attributes, group, and trace header.

    Args:
        message: what to copy.
        url: of the queue that it goes to.
        deduplication_id: within five minutes a FIFO queue takes one message of it, and drops others without a word.
        takes_groups: whether the queue takes a group if it is a standard queue.
    """
    types = message.attribute_types
    attributes = {name: attribute(value, types[name]) for name, value in message.attributes.items()}
    copy: dict[str, Any] = {"MessageBody": message.body, "MessageAttributes": attributes}
    if is_fifo(url):
        copy |= {"MessageGroupId": message.group or message.id, "MessageDeduplicationId": deduplication_id}
    elif message.group and takes_groups:
        copy["MessageGroupId"] = message.group
    if message.trace_header:
        copy["MessageSystemAttributes"] = {"AWSTraceHeader": attribute(message.trace_header, "String")}
    return copy


def attribute(value: str | bytes, data_type: str) -> dict[str, str]:
    """Return an attribute as SQS takes it."""
    if isinstance(value, bytes):
        return {"DataType": data_type, "BinaryValue": b64encode(value).decode()}
    return {"DataType": data_type, "StringValue": value}


def size_of(message: Message) -> int:
    """Return the bytes that count for SQS's limit: the body's, and those of attributes with their names and types."""
    return text_size(message.body) + sum(
        text_size(name + message.attribute_types[name]) + text_size(value) for name, value in message.attributes.items()
    )


def text_size(value: str | bytes) -> int:
    """Return the bytes of a text as SQS counts them."""
    return len(value.encode() if isinstance(value, str) else value)
