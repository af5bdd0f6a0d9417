"""When messages are received, and when not."""

import threading
import time
from collections.abc import Sequence
from itertools import count

import pytest

from queueworker.custodian import Custodian
from queueworker.leases import Leases
from queueworker.model import EntryFailure, Message
from queueworker.receiver import UNSETTLED_LIMIT, Receiver
from queueworker.slots import Slots
from queueworker.stats import Count, Stats
from queueworker.work import Surroundings, work_of


class Undeletable:
    """An endless queue whose messages may be received but not deleted, as with a policy that forgot half."""

    def __init__(self) -> None:
        self._numbers = count()

    def receive(self, most: int, wait_seconds: int, visibility_seconds: int) -> list[Message]:  # noqa: ARG002 -- as Sqs
        return [Message(f"m{number}", "", f"r{number}") for _, number in zip(range(most), self._numbers, strict=False)]

    def delete(self, receipt_handles: Sequence[str]) -> dict[int, EntryFailure]:
        return dict.fromkeys(range(len(receipt_handles)), EntryFailure("AccessDenied", retry=True))

    def change_visibility(self, receipt_handles: Sequence[str], seconds: Sequence[int]) -> dict[int, EntryFailure]:  # noqa: ARG002 -- as Sqs
        return {}


@pytest.mark.timeout(30)
def test_messages_that_cannot_be_deleted_stop_the_receiver() -> None:
    stats, slots, queue = Stats(time.monotonic), Slots(10), Undeletable()
    custodian = Custodian(queue, Leases(30), stats, time.monotonic)
    work = work_of(lambda _: None, Surroundings(custodian, slots, stats, retry_base_seconds=0))
    receiver = Receiver(queue, work, custodian, slots, stats)
    threading.Thread(target=custodian.run, daemon=True).start()
    receiving = threading.Thread(target=receiver.run, args=(0, 30))
    receiving.start()
    limit = slots.size + UNSETTLED_LIMIT
    while stats.snapshot().counts[Count.SUCCEEDED] < limit:
        time.sleep(0.01)
    slots.close()
    receiving.join()
    custodian.close()
    assert stats.snapshot().counts[Count.RECEIVED] == limit
    assert len(custodian) == limit
