"""What a redrive moves, leaves and releases, on queues in memory."""

import errno
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from queueworker.errors import AccessDeniedError, SqsError, ThrottledError, UnreachableError
from queueworker.model import EntryFailure, Message, StoredMessage
from queueworker.tools.filters import parse_filters
from queueworker.tools.held import HeldMessages
from queueworker.tools.outcome import ARRIVED, FILTERED, UNSEEN, UNSENT, Left, sentences
from queueworker.tools.pacing import TokenBucket
from queueworker.tools.progress import Progress
from queueworker.tools.redrive import MAX_BATCH_BYTES, Plan, Redrive, RedriveContext, packed
from queueworker.tools.routes import Routes

STARTED = 1_800_000_000.0
TARGET = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"


def stored(name: str, body: str = "body", sent: float = STARTED - 60) -> StoredMessage:
    return StoredMessage(Message(id=name, body=body, receipt_handle=f"1:{name}", sent_timestamp=sent))


class MemoryQueue:
    """A dead-letter queue: what was received is hidden until it is released or deleted."""

    def __init__(self, *messages: StoredMessage) -> None:
        self.visible = list(messages)
        self.hidden: dict[str, StoredMessage] = {}
        self.receives: dict[str, int] = {}
        self.failures: list[SqsError] = []

    def receive_stored(self, limit: int, *_: int) -> list[StoredMessage]:
        if self.failures:
            raise self.failures.pop(0)
        found, self.visible = self.visible[:limit], self.visible[limit:]
        for each in found:
            self.hidden[each.message.id] = each
            self.receives[each.message.id] = self.receives.get(each.message.id, 0) + 1
        return found

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        for handle in receipt_handles:
            del self.hidden[handle.partition(":")[2]]
        return {}

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        for handle, hidden_for in zip(receipt_handles, seconds, strict=True):
            if not hidden_for:
                self.visible.append(self.hidden.pop(handle.partition(":")[2]))
        return {}


class MemoryTarget:
    """Takes copies; `answer` may fail them."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.answer: Callable[[Sequence[Message]], dict[int, EntryFailure]] = lambda _: {}

    def send(self, messages: Sequence[Message]) -> dict[int, EntryFailure]:
        failures = self.answer(messages)
        self.sent += [each.id for index, each in enumerate(messages) if index not in failures]
        return failures


class Silent:
    """A standard error that is no terminal."""

    def write(self, text: str, /) -> None:
        raise AssertionError(text)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


class GoneTerminal(Silent):
    """A standard error whose terminal was closed."""

    def write(self, _: str, /) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def isatty(self) -> bool:
        return True


class Run:
    """A redrive of a queue in memory, whose clock runs while it waits."""

    def __init__(self, queue: MemoryQueue, target: MemoryTarget, **changes: Any) -> None:
        self.now = 0.0
        self.stop_after: float | None = None
        bucket = changes.pop("bucket", None)
        stream = changes.pop("stream", Silent())
        plan: dict[str, Any] = {
            "filters": parse_filters(changes.pop("filters", ()), STARTED),
            "routes": Routes(TARGET),
            "limit": None,
            "dry_run": False,
            "started_at": STARTED,
            "expected": len(queue.visible),
        }
        self._others = threading.Event()
        context = RedriveContext(
            held=HeldMessages(queue, 60, time.monotonic),
            open_target=lambda _: target,
            bucket=bucket,
            pause=self._pause,
            clock=lambda: self.now,
            progress=Progress(stream, lambda: self.now),
        )
        self.redrive = Redrive(Plan(**(plan | changes)), context)

    def _pause(self, seconds: float) -> bool:
        self.now += seconds
        self._others.wait(0.0005)  # the requests about held messages are sent by other threads
        if self.stop_after is None or self.now < self.stop_after:
            return False
        self.stop_after = None
        return True


def names(*numbers: int) -> list[str]:
    return [f"m{number}" for number in numbers]


def messages(number: int) -> list[StoredMessage]:
    return [stored(f"m{index}") for index in range(number)]


def test_all_messages_are_moved_and_nothing_is_held() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()
    outcome = Run(queue, target).redrive.run()
    assert (target.sent, queue.visible, queue.hidden) == (names(*range(25)), [], {})
    assert (outcome.moved, outcome.left, outcome.exit_code) == (25, {}, 0)


def test_a_terminal_that_is_closed_meanwhile_costs_the_progress_alone() -> None:
    queue, target = MemoryQueue(*messages(25), stored("other", body="other")), MemoryTarget()
    run = Run(queue, target, bucket=TokenBucket(2, 0.0), filters=["body~^body"], stream=GoneTerminal())
    outcome = run.redrive.run()
    assert target.sent == names(*range(25))
    assert ([each.message.id for each in queue.visible], queue.hidden) == (["other"], {})
    assert (outcome.moved, outcome.exit_code) == (25, 0)


def test_what_does_not_fit_the_filter_is_received_once_and_left_visible() -> None:
    queue, target = MemoryQueue(*messages(25), stored("other", body="fits")), MemoryTarget()
    outcome = Run(queue, target, filters=["body~fits"]).redrive.run()
    assert target.sent == ["other"]
    assert sorted(each.message.id for each in queue.visible) == sorted(names(*range(25)))
    assert set(queue.receives.values()) == {1}
    assert (outcome.left, outcome.exit_code) == ({FILTERED: 25}, 0)


def test_a_message_that_fails_again_at_once_is_not_moved_round_in_circles() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()

    def fail_at_once(copies: Sequence[Message]) -> dict[int, EntryFailure]:
        queue.visible += [stored(f"again-{each.id}", sent=STARTED + 2.5) for each in copies]
        return {}

    target.answer = fail_at_once
    outcome = Run(queue, target).redrive.run()
    assert (len(target.sent), outcome.left, outcome.exit_code) == (25, {ARRIVED: 25}, 0)
    assert (len(queue.visible), queue.hidden) == (25, {})


def test_what_was_sent_before_a_clock_that_is_told_late_was_there_before() -> None:
    queue, target = MemoryQueue(stored("m0", sent=STARTED + 1.9)), MemoryTarget()
    assert Run(queue, target).redrive.run().moved == 1


def test_a_dry_run_moves_nothing_and_shows_some() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()
    run = Run(queue, target, dry_run=True, limit=12)
    outcome = run.redrive.run()
    assert (outcome.moved, target.sent, len(queue.visible)) == (12, [], 25)
    assert [each.message.id for each in run.redrive.samples] == names(0, 1, 2)


def test_no_more_is_received_than_may_be_moved() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()
    outcome = Run(queue, target, limit=12).redrive.run()
    assert (len(target.sent), len(queue.receives), outcome.exit_code) == (12, 12, 0)


def test_a_rate_is_kept() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()
    run, times = Run(queue, target, bucket=TokenBucket(5, 0.0)), list[float]()

    def note(_: Sequence[Message]) -> dict[int, EntryFailure]:
        times.append(run.now)
        return {}

    target.answer = note
    assert run.redrive.run().moved == 25
    assert len(times) == 25, "one at a time"
    assert times[-1] == pytest.approx(24 / 5, abs=0.5), "the first at once"


def test_what_passes_is_tried_again() -> None:
    queue, target = MemoryQueue(*messages(10)), MemoryTarget()
    queue.failures = [ThrottledError("slow down"), UnreachableError("gone")]
    answers: list[SqsError | dict[int, EntryFailure]] = [
        UnreachableError("gone"),
        {3: EntryFailure("InternalError", retryable=True)},
        {},
    ]

    def answer(_: Sequence[Message]) -> dict[int, EntryFailure]:
        given = answers.pop(0)
        if isinstance(given, SqsError):
            raise given
        return given

    target.answer = answer
    outcome = Run(queue, target).redrive.run()
    assert (sorted(target.sent), outcome.moved, outcome.exit_code) == (sorted(names(*range(10))), 10, 0)


@pytest.mark.parametrize(
    ("failure", "because"),
    [
        pytest.param(
            EntryFailure("InvalidParameterValue", retryable=False),
            "could not be sent (InvalidParameterValue)",
            id="it will never be taken",
        ),
        pytest.param(
            EntryFailure("InternalError", retryable=True, remedy="wait"),
            "could not be sent (InternalError) - wait",
            id="not after five tries",
        ),
    ],
)
def test_what_cannot_be_sent_stays(failure: EntryFailure, because: str) -> None:
    queue, target = MemoryQueue(*messages(10)), MemoryTarget()
    target.answer = lambda copies: {index: failure for index, each in enumerate(copies) if each.id == "m4"}
    outcome = Run(queue, target).redrive.run()
    assert [each.message.id for each in queue.visible] == ["m4"]
    assert (outcome.moved, outcome.left, outcome.exit_code) == (9, {Left(because): 1}, 1)


def test_a_denied_target_ends_the_run_and_all_is_released() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()

    def deny(_: Sequence[Message]) -> dict[int, EntryFailure]:
        raise AccessDeniedError("no")

    target.answer = deny
    outcome = Run(queue, target).redrive.run()
    assert (outcome.moved, len(queue.visible), queue.hidden) == (0, 25, {})
    assert isinstance(outcome.failure, AccessDeniedError)
    assert outcome.exit_code == 1


def test_a_signal_ends_the_run_and_all_in_hand_is_released() -> None:
    queue, target = MemoryQueue(*messages(25)), MemoryTarget()
    run = Run(queue, target, bucket=TokenBucket(1, 0.0))
    run.stop_after = 4.5
    outcome = run.redrive.run()
    assert (target.sent, len(queue.visible), queue.hidden) == (names(0, 1, 2, 3, 4), 20, {})
    assert (outcome.left, outcome.stopped, outcome.exit_code) == ({UNSENT: 5}, True, 1)


def test_what_the_queue_counts_and_does_not_show_is_told() -> None:
    queue, target = MemoryQueue(*messages(5)), MemoryTarget()
    outcome = Run(queue, target, expected=8).redrive.run()
    assert (outcome.moved, outcome.left, outcome.exit_code) == (5, {UNSEEN: 3}, 1)


def test_a_message_that_is_delivered_again_after_its_delete_is_deleted_again_and_not_sent_twice() -> None:
    queue, target = MemoryQueue(*messages(3)), MemoryTarget()

    def deliver_again(copies: Sequence[Message]) -> dict[int, EntryFailure]:
        if len(target.sent) < 3:
            queue.visible += [
                StoredMessage(Message(id=each.id, body="", receipt_handle="2:" + each.id)) for each in copies
            ]
        return {}

    target.answer = deliver_again
    outcome = Run(queue, target).redrive.run()
    assert (target.sent, queue.visible, queue.hidden) == (names(0, 1, 2), [], {})
    assert outcome.unconfirmed == 0


def test_a_message_that_is_delivered_again_when_its_delete_was_long_confirmed_is_deleted_again() -> None:
    queue = MemoryQueue(*messages(1))
    held, others = HeldMessages(queue, 60, time.monotonic), threading.Event()
    held.delete(held.receive(10, 0) or [])
    while held.unsettled:
        others.wait(0.001)
    queue.visible = [StoredMessage(Message(id="m0", body="body", receipt_handle="2:m0"))]
    assert held.receive(10, 0) == []
    assert held.close(others.wait) == 0
    assert (queue.visible, queue.hidden) == ([], {})


def test_batches_fit_into_requests_in_order() -> None:
    sizes = [100, MAX_BATCH_BYTES, 5, MAX_BATCH_BYTES - 5, *[10] * 12]
    queue = MemoryQueue(*(stored(f"m{index}", body="x" * size) for index, size in enumerate(sizes)))
    held = HeldMessages(queue, 60, time.monotonic).receive(len(sizes), 0) or []
    packs = [[each.message.id for each in batch] for batch in packed(held)]
    assert packs == [names(0), names(1), names(2, 3), names(*range(4, 14)), names(14, 15)]


def test_the_summary_says_what_is_left_and_why() -> None:
    queue, target = MemoryQueue(*messages(4), stored("other", body="fits")), MemoryTarget()
    outcome = Run(queue, target, filters=["body~fits"], dry_run=True).redrive.run()
    assert [*sentences(outcome, dry_run=True, seconds=1.25, visibility_seconds=60)] == [
        "1 message would be moved in 1.2 s",
        "4 messages left: do not match the filter",
        "dry run: nothing was changed, but each message that was looked at has been received once more",
    ]
