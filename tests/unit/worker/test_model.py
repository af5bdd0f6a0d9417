"""What a message is apart from its data: a copy with another handle, and the sender's trace context."""

from dataclasses import fields

from queueworker.model import Message, NullMessageHandle


def test_a_message_with_another_handle_is_the_same_in_every_other_field() -> None:
    values = {each.name: object() for each in fields(Message)}
    message, handle = Message(**values), NullMessageHandle()  # type: ignore[arg-type]  # any value will do
    copy = message.with_handle(handle)
    assert copy.handle is handle
    assert all(getattr(copy, name) is value for name, value in values.items() if name != "handle")
