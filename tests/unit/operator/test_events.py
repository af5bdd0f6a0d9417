"""Events: each change of size is posted, a recurring cause once in ten minutes."""

from dataclasses import replace

from queueworkerpool.errors import QueueNotFoundError, QueueThrottledError, QueueUnreadableError
from queueworkerpool.model import NamespacedName
from queueworkerpool.names import Reason
from tests.unit.operator.builders import URL, pool, reading
from tests.unit.operator.fakes import FakeDependencies

FAILURE = QueueNotFoundError("thumbnails: no such queue")


async def flap(fake: FakeDependencies, error: QueueUnreadableError = FAILURE, seconds: float = 60) -> None:
    """Make the queue unreadable for one tick, and readable for the next."""
    calm = fake.queues
    fake.queues = {URL: error}
    await fake.tick()
    fake.later(seconds)
    fake.queues = calm
    await fake.tick()
    fake.later(seconds)


async def test_a_recurring_cause_is_posted_once_in_ten_minutes() -> None:
    fake = FakeDependencies()
    for _ in range(5):  # at 0, 2, 4, 6 and 8 minutes
        await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND]
    await flap(fake)  # at 10 minutes
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_a_lasting_cause_is_posted_once() -> None:
    fake = FakeDependencies(queues={URL: FAILURE})
    for _ in range(30):
        await fake.tick()
        fake.later(60)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND]


async def test_another_cause_is_posted_at_once() -> None:
    fake = FakeDependencies()
    for error in (FAILURE, QueueThrottledError("slow down"), FAILURE):
        await flap(fake, error)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND, Reason.QUEUE_THROTTLED]


async def test_after_an_edit_the_same_cause_is_posted_again() -> None:
    fake = FakeDependencies()
    await flap(fake)
    assert fake.stored
    fake.stored = replace(fake.stored, generation=2)
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_each_change_of_size_is_posted() -> None:
    fake = FakeDependencies()
    for visible in (100, 150, 200):
        fake.queues = {URL: reading(visible)}
        await fake.tick()
        fake.later(1)
    assert [event.message.partition(":")[0] for event in fake.events] == [
        "from 10 to 20 replicas",
        "from 20 to 30 replicas",
        "from 30 to 40 replicas",
    ]


async def test_a_clock_that_was_set_back_keeps_no_event_back() -> None:
    fake = FakeDependencies()
    await flap(fake)
    fake.later(-86_400)
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_a_deleted_pool_keeps_back_no_event_of_its_successor() -> None:
    fake = FakeDependencies()
    await flap(fake)
    fake.deduplicator.forget(NamespacedName("shop", "thumbnails"))
    fake.deduplicator.forget(NamespacedName("shop", "thumbnails"))
    fake.stored = pool(uid="uid-2")
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_one_pools_event_keeps_back_no_other_pools() -> None:
    fake = FakeDependencies()
    await flap(fake)
    fake.stored = pool(key=NamespacedName("shop", "invoices"))
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2
