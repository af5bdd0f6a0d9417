"""A queue in memory that behaves as SQS does: visibility, receive counts, groups, delays and dead letters.

A test makes one and sends to it; the worker of a run receives from it and settles its messages, as with `SqsQueue`.
What became of each delivery is kept in its `Receipt`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Final

from queueworker.errors import UnreachableError
from queueworker.model import MAX_VISIBILITY_SECONDS, REASON_ATTRIBUTE, EntryFailure, Message
from queueworker.testing.clock import Clock
from queueworker.testing.messages import Attribute, Body, message_of
from queueworker.testing.receipts import Receipt

DAY_SECONDS: Final = 24 * 60 * 60.0
OPERATIONS: Final = ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "SendMessage")
"""What `Queue.fail` takes: receives; deletes; extensions and retries; sending to the dead-letter queue."""

_URL: Final = "https://sqs.eu-central-1.amazonaws.com/000000000000/"
_GONE: Final = EntryFailure("ReceiptHandleIsInvalid", retryable=False)
_VISIBLE: Final = EntryFailure("MessageNotInflight", retryable=False)
_TOO_LONG: Final = EntryFailure("InvalidParameterValue", retryable=False)


@dataclass(eq=False, kw_only=True)
class _Stored:
    """A message in the queue. Times are the clock's."""

    message: Message
    sent_at: float
    visible_at: float
    receive_count: int


class Queue:
    """A queue in memory.

    Args:
        fifo: messages of a group are delivered in order, as by a FIFO queue.
        max_receive_count: a message that has been received this often goes to `dead_letters` instead, as by a redrive
            policy. None: there is no such policy.
        delay_seconds: how long after it was sent a message is delivered.
        retention_seconds: how long a message is kept. SQS's default is four days.
        name: the end of its URL. Queues of one worker need different ones.
        clock: its time. Queues of one worker share one.
    """

    def __init__(  # noqa: PLR0913 -- what a queue can be set to, by name
        self,
        *,
        fifo: bool = False,
        max_receive_count: int | None = 3,
        delay_seconds: float = 0,
        retention_seconds: float = 4 * DAY_SECONDS,
        name: str = "in-memory",
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.fifo = fifo
        self.url = _URL + name + ".fifo" * fifo
        self.dead_letter_url = _URL + name + "-dead" + ".fifo" * fifo
        self.dead_letters: list[Message] = []
        """Messages that were received too often, and those that were rejected, with the reason."""
        self._max_receive_count = math.inf if max_receive_count is None else max_receive_count
        self._delay_seconds = delay_seconds
        self._retention_seconds = retention_seconds
        self._stored: dict[str, _Stored] = {}  # by message id, in the order in which they were sent
        self._receipts: dict[str, Receipt] = {}  # by receipt handle, in the order of delivery
        self._changed = self.clock.queue_changed
        self._numbers = count(1)
        self._failing = dict.fromkeys(OPERATIONS, 0.0)

    def send(
        self,
        body: Body,
        *,
        group: str | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        delay_seconds: float | None = None,
    ) -> str:
        """Send a message; return its id.

        Args:
            body: its text, or what becomes its text as JSON. Of a whole `Message` everything is kept; the receive count
                is that of its next delivery.
            group: its message group.
            attributes: text, bytes and numbers.
            delay_seconds: how long after now it is delivered; the queue's delay where it is not given.
        """
        message = message_of(body, f"message-{next(self._numbers)}", group, attributes or {})
        if self.fifo and message.group is None:
            raise ValueError("a message in a FIFO queue needs a group")
        now = self.clock.now
        stored = _Stored(
            message=replace(message, receipt_handle="", sent_timestamp=self.clock.wall_time, queue_url=self.url),
            sent_at=now,
            visible_at=now + (self._delay_seconds if delay_seconds is None else delay_seconds),
            receive_count=message.receive_count - 1,
        )
        with self._changed:
            self._stored[message.id] = stored
            self._changed.notify_all()
        return message.id

    def fail(self, operation: str, times: float = math.inf) -> None:
        """Let requests of an operation fail from now on, as if SQS could not be reached.

        Args:
            operation: one of `OPERATIONS`.
            times: how many of them; 0: none any more.
        """
        if operation not in OPERATIONS:
            raise ValueError(f"{operation} is none of {', '.join(OPERATIONS)}")
        self._failing[operation] = times

    @property
    def messages(self) -> list[Message]:
        """What is in the queue, hidden or not, in the order in which it was sent."""
        return [stored.message for stored in self._stored.values()]

    @property
    def in_flight(self) -> list[Message]:
        """What was received and is hidden."""
        return [
            each.message
            for each in self._stored.values()
            if each.message.receipt_handle and each.visible_at > self.clock.now
        ]

    def receive(self, limit: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:
        """Receive up to `limit` messages, waiting for the first; they are hidden from now on. See `SqsQueue`."""
        until = self.clock.now + wait_seconds
        with self._changed:
            self._answer("ReceiveMessage")
            while not (found := list(islice(self._deliverable(), limit))) and self.clock.now < until:
                self._changed.wait(min(until, self._next_visible_at()) - self.clock.now)
            return [self._deliver(stored, visibility_seconds) for stored in found]

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        """Delete messages; return the failures by position. See `SqsQueue`."""
        return self._change("DeleteMessage", receipt_handles, lambda stored, _: self._delete(stored))

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        """Hide messages for this many seconds each; return the failures by position. See `SqsQueue`."""
        return self._change(
            "ChangeMessageVisibility", receipt_handles, lambda stored, index: self._hide(stored, seconds[index])
        )

    def reject(self, message: Message, reason: str) -> None:
        """Take a message as a dead letter, with its reason. See `SqsDeadLetterQueue`."""
        with self._changed:
            self._answer("SendMessage")
            self.dead_letters.append(replace(message, attributes={**message.attributes, REASON_ATTRIBUTE: reason}))

    def _answer(self, operation: str) -> None:
        """Raise what `fail` asked for."""
        if self._failing[operation] > 0:
            self._failing[operation] -= 1
            raise UnreachableError(f"{operation} is to fail in this test")

    def _deliverable(self) -> Iterator[_Stored]:
        """Yield what can be delivered now, and put aside what will never be again."""
        now, waiting_groups = self.clock.now, set[str | None]()
        for stored in list(self._stored.values()):
            group = stored.message.group if self.fifo else None
            if now >= stored.sent_at + self._retention_seconds:
                self._remove(stored)
            elif stored.visible_at > now:
                waiting_groups.add(group)
            elif self.fifo and group in waiting_groups:
                continue
            elif stored.receive_count >= self._max_receive_count:
                self._remove(stored)
                self.dead_letters.append(stored.message)
            else:
                yield stored

    def _next_visible_at(self) -> float:
        return min(
            (each.visible_at for each in self._stored.values() if each.visible_at > self.clock.now), default=math.inf
        )

    def _deliver(self, stored: _Stored, visibility_seconds: int) -> Message:
        stored.receive_count += 1
        stored.visible_at = self.clock.now + visibility_seconds
        before = self._receipts.get(stored.message.receipt_handle)
        handle = f"{stored.message.id}-receipt-{stored.receive_count}"
        stored.message = replace(stored.message, receipt_handle=handle, receive_count=stored.receive_count)
        self._receipts[handle] = receipt = Receipt(message=stored.message, received_at=self.clock.now)
        if before is not None:
            before.following = receipt
        self._changed.notify_all()
        return stored.message

    def _change(
        self, operation: str, handles: Sequence[str], change: Callable[[_Stored, int], EntryFailure | None]
    ) -> dict[int, EntryFailure]:
        with self._changed:
            self._answer(operation)
            by_handle = {each.message.receipt_handle: each for each in self._stored.values()}
            answers = {
                index: change(by_handle[handle], index) if handle in by_handle else _GONE
                for index, handle in enumerate(handles)
            }
            self._changed.notify_all()
        return {index: failure for index, failure in answers.items() if failure}

    def _delete(self, stored: _Stored) -> None:
        self._receipts[stored.message.receipt_handle].deleted = True
        self._remove(stored)

    def _hide(self, stored: _Stored, seconds: int) -> EntryFailure | None:
        receipt = self._receipts[stored.message.receipt_handle]
        if stored.visible_at <= self.clock.now:
            return _VISIBLE
        if self.clock.now + seconds > receipt.received_at + MAX_VISIBILITY_SECONDS:
            return _TOO_LONG
        stored.visible_at = self.clock.now + seconds
        receipt.visibility.append(seconds)
        return None

    def _remove(self, stored: _Stored) -> None:
        del self._stored[stored.message.id]
        self._changed.notify_all()

    def receipt_of(self, receipt_handle: str) -> Receipt:
        """Return the delivery that had this receipt handle."""
        return self._receipts[receipt_handle]
