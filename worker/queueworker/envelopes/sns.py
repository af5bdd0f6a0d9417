"""Notifications of SNS, as a subscription without raw message delivery writes them: the body is `Message`. Pure."""

import binascii
from base64 import b64decode
from typing import Final, NotRequired, TypedDict

from queueworker.bodies.failures import UnfitBodyError
from queueworker.envelopes.opened import envelope_reader, opened
from queueworker.model import Message

NAME: Final = "sns"


class Attribute(TypedDict):
    """One of a notification's MessageAttributes."""

    Type: str
    Value: str


class Notification(TypedDict):
    """What SNS writes; it has more, which is of no use here."""

    Type: str
    Message: str
    MessageAttributes: NotRequired[dict[str, Attribute]]


_read: Final = envelope_reader(Notification, NAME)


def open_notification(message: Message) -> Message:
    """Return the message that was published, with its attributes.

    Raises:
        UnfitBodyError: the body is something else.
    """
    notification: Notification = _read(message.body)
    if notification["Type"] != "Notification":
        raise UnfitBodyError(
            f"the body is no notification of SNS but a {notification['Type'][:40]}: where SNS asks to confirm a"
            " subscription, visit its SubscribeURL once"
        )
    attributes = notification.get("MessageAttributes", {})
    return opened(
        message,
        notification["Message"],
        {name: _value(name, attribute) for name, attribute in attributes.items()},
        {name: attribute["Type"] for name, attribute in attributes.items()},
    )


def _value(name: str, attribute: Attribute) -> str | bytes:
    if attribute["Type"].partition(".")[0] != "Binary":
        return attribute["Value"]
    try:
        return b64decode(attribute["Value"], validate=True)
    except binascii.Error as error:
        raise UnfitBodyError(f"the attribute {name[:100]} of the notification of SNS is not in base64") from error
