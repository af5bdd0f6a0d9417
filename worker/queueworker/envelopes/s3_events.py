"""Notifications of S3: the body is an array of what happened, an object for each record, as `S3Record` has it. Pure.

S3 sends a test when notifications are set up. It is for nobody, so its message is done without a handler.
"""

import json
import logging
from typing import Final, NotRequired, TypedDict
from urllib.parse import unquote_plus

from queueworker.bodies.failures import UnfitBodyError
from queueworker.envelopes.opened import envelope_reader, opened
from queueworker.model import Message

logger = logging.getLogger(__name__)

NAME: Final = "s3"

TEST_EVENT: Final = "s3:TestEvent"


class Bucket(TypedDict):
    """Where the object is."""

    name: str


class S3Object(TypedDict):
    """Which object it is; its key is written as in a URL."""

    key: str
    size: NotRequired[int]
    eTag: NotRequired[str]
    versionId: NotRequired[str]
    sequencer: NotRequired[str]


class Place(TypedDict):
    """The part of a record that is S3's own."""

    bucket: Bucket
    object: S3Object


class Record(TypedDict):
    """What happened to one object."""

    eventName: str
    eventTime: str
    awsRegion: str
    s3: Place


class Notification(TypedDict):
    """What S3 sends: records, or the event of a test."""

    Records: NotRequired[list[Record]]
    Event: NotRequired[str]


_read: Final = envelope_reader(Notification, NAME)


def open_notification(message: Message) -> Message | None:
    """Return the records as JSON; None for a test.

    Raises:
        UnfitBodyError: the body is something else.
    """
    notification: Notification = _read(message.body)
    if notification.get("Event") == TEST_EVENT:
        logger.info("notifications of S3 are set up", extra={"message_id": message.id})
        return None
    if "Records" not in notification:
        raise UnfitBodyError("the body is no notification of S3: it has no Records")
    records = [_record(each) for each in notification["Records"]]
    return opened(message, json.dumps(records, ensure_ascii=False), {}, {})


def _record(record: Record) -> dict[str, object]:
    """Return the fields of an `S3Record`, without those that are not there."""
    found = record["s3"]["object"]
    fields = {
        "event": record["eventName"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "bucket": record["s3"]["bucket"]["name"],
        "key": unquote_plus(found["key"]),
        "size": found.get("size"),
        "etag": found.get("eTag"),
        "version_id": found.get("versionId"),
        "sequencer": found.get("sequencer"),
    }
    return {name: value for name, value in fields.items() if value is not None}
