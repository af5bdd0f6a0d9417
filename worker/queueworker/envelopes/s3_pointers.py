"""Bodies that are in S3: the message has a pointer, as the SQS and SNS Extended Clients of AWS write it.

These clients put only large bodies into S3, so a body that is no pointer is left as it is. What reads and deletes
objects is given, and follows `PayloadStore`; nothing else here sends anything.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple, Protocol, TypedDict

from queueworker.bodies.failures import UnfitBodyError
from queueworker.envelopes.opened import envelope_reader, opened
from queueworker.errors import ObjectNotFoundError, ObjectTooLargeError
from queueworker.model import Message

NAME: Final = "s3-pointer"

SIZE_ATTRIBUTES: Final = frozenset({"ExtendedPayloadSize", "SQSLargePayloadSize"})
"""The attributes with a payload's size, of today's clients and of the first; each message with a pointer has one."""

_CLASS = Literal["software.amazon.payloadoffloading.PayloadS3Pointer", "com.amazon.sqs.javamessaging.MessageS3Pointer"]
_BEGINNING = re.compile(
    r'\s*\[\s*"(software\.amazon\.payloadoffloading|com\.amazon\.sqs\.javamessaging)\.\w+S3Pointer"'
)


class Pointer(NamedTuple):
    """Where a payload is."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class PayloadStore(Protocol):
    """What reads and deletes payloads; see `S3Payloads`. Safe to share between threads."""

    def read(self, bucket: str, key: str) -> bytes:
        """Return an object's content.

        Raises:
            ObjectNotFoundError: there is no such object.
            ObjectTooLargeError: it is larger than the worker takes.
            AwsError: it cannot be read now.
        """

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is gone is no failure.

        Raises:
            AwsError: S3 did not confirm it.
        """


class _Place(TypedDict):
    s3BucketName: str
    s3Key: str


_read: Final = envelope_reader(tuple[_CLASS, _Place], NAME)


def pointer_of(message: Message) -> Pointer | None:
    """Return where the message's payload is; None when it is in the message itself.

    Raises:
        UnfitBodyError: the message says that its payload is in S3, but not where.
    """
    if SIZE_ATTRIBUTES.isdisjoint(message.attributes) and not _BEGINNING.match(message.body):
        return None
    _, place = _read(message.body)
    return Pointer(place["s3BucketName"], place["s3Key"])


def open_pointer(store: PayloadStore, message: Message) -> Message:
    """Return the message with its payload, without the attribute that says how large that is.

    Raises:
        UnfitBodyError: the payload is not there, too large, or no text.
        AwsError: it cannot be read now.
    """
    pointer = pointer_of(message)
    if pointer is None:
        return message
    with_payload = opened(message, _payload(store, pointer), {}, {})
    return replace(
        with_payload,
        attributes=_without_sizes(with_payload.attributes),
        attribute_types=_without_sizes(with_payload.attribute_types),
    )


def _payload(store: PayloadStore, pointer: Pointer) -> str:
    try:
        return store.read(*pointer).decode()
    except ObjectNotFoundError as error:
        raise UnfitBodyError(f"the payload {pointer} is not there ({error})") from error
    except ObjectTooLargeError as error:
        raise UnfitBodyError(f"the payload {pointer} is too large: {error}; see --payload-limit-mib") from error
    except UnicodeDecodeError as error:
        raise UnfitBodyError(f"the payload {pointer} is no text in UTF-8") from error


def _without_sizes(by_name: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in by_name.items() if name not in SIZE_ATTRIBUTES}
