"""Every message that enters the work is either handled or given back, never both."""

import threading
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from queueworker.errors import UnreachableError
from queueworker.handlers.coroutines import CoroutineWork
from queueworker.handlers.threads import ThreadWork
from queueworker.handlers.work import Surroundings, Work
from queueworker.lease.manager import Custodian
from queueworker.lease.table import Leases
from queueworker.model import EntryFailure, Message, Reject
from queueworker.receive.limiter import Slots
from queueworker.stats import Count, Stats


class Ledger:
    """A queue that confirms everything and writes it down."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.released: list[str] = []

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        self.deleted += receipt_handles
        return {}

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:
        self.released += [handle for handle, hidden in zip(receipt_handles, seconds, strict=True) if not hidden]
        return {}


class Bed:
    """What work needs around it."""

    def __init__(self) -> None:
        self.ledger, self.stats, self.slots = Ledger(), Stats(time.monotonic), Slots(200)
        self.custodian = Custodian(self.ledger, Leases(30), self.stats, time.monotonic)
        self.custodian.flush()
        threading.Thread(target=self.custodian.run, daemon=True).start()
        self.around = Surroundings(self.custodian, self.slots, self.stats, concurrency=4, retry_base_seconds=600)

    def messages(self, number: int, groups: int = 0) -> list[Message]:
        return [Message(f"m{i}", "", f"m{i}", group=f"g{i % groups}" if groups else None) for i in range(number)]

    def until_settled(self) -> None:
        deadline = time.monotonic() + 10
        while len(self.custodian):
            assert time.monotonic() < deadline, f"{len(self.custodian)} messages are still held"
            time.sleep(0.002)
        self.custodian.close()


@pytest.mark.parametrize("groups", [0, 3, 40])
@pytest.mark.parametrize("coroutines", [False, True])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_when_the_gate_closes_each_message_is_handled_or_given_back(groups: int, coroutines: bool, after: int) -> None:
    bed, handled = Bed(), []

    def handle(message: Message) -> None:
        handled.append(message.id)

    async def handle_async(message: Message) -> None:
        handled.append(message.id)

    work: Work = CoroutineWork(handle_async, bed.around) if coroutines else ThreadWork(handle, bed.around)
    accepting = threading.Thread(
        target=lambda: work.accept(bed.custodian.take(bed.messages(120, groups), time.monotonic())), daemon=True
    )
    accepting.start()
    while len(handled) < after:
        time.sleep(0)
    bed.slots.close()
    work.give_back()
    accepting.join()
    bed.until_settled()
    assert Counter(handled) == Counter(bed.ledger.deleted)
    assert Counter(handled + bed.ledger.released) == Counter(message.id for message in bed.messages(120))
    assert bed.stats.snapshot().busy == 0


def test_a_message_that_cannot_be_buried_fails_like_others() -> None:
    class Nowhere:
        def send(self, message: Message, reason: str) -> None:
            raise UnreachableError(f"{message.id}: {reason}")

    def reject(_: Message) -> None:
        raise Reject("no")

    bed = Bed()
    around = Surroundings(bed.custodian, bed.slots, bed.stats, 4, 600, Nowhere())
    ThreadWork(reject, around).accept(bed.custodian.take(bed.messages(3), time.monotonic()))
    bed.until_settled()
    counts = bed.stats.snapshot().counts
    assert (counts[Count.FAILED], counts[Count.RELEASED], counts[Count.DELETED]) == (3, 3, 0)
    assert bed.ledger.released == [], "they come back later, not at once"
