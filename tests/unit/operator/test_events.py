"""Events: each change of size is told, a cause that flaps is told once in ten minutes."""

from dataclasses import replace

from queueworkerpool.errors import QueueNotFoundError, QueueThrottledError, QueueUnreadableError
from queueworkerpool.model import NamespacedName
from queueworkerpool.names import Reason
from tests.unit.operator.builders import URL, pool, reading
from tests.unit.operator.fakes import FakeDependencies

TROUBLE = QueueNotFoundError("thumbnails: no such queue")


async def flap(fake: FakeDependencies, error: QueueUnreadableError = TROUBLE, seconds: float = 60) -> None:
    """The queue goes away, and comes back."""
    calm = fake.queues
    fake.queues = {URL: error}
    await fake.tick()
    fake.later(seconds)
    fake.queues = calm
    await fake.tick()
    fake.later(seconds)


async def test_a_cause_that_comes_and_goes_is_told_once_in_ten_minutes() -> None:
    fake = FakeDependencies()
    for _ in range(5):  # at 0, 2, 4, 6 and 8 minutes
        await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND]
    await flap(fake)  # at 10 minutes
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_a_cause_that_lasts_is_not_repeated() -> None:
    fake = FakeDependencies(queues={URL: TROUBLE})
    for _ in range(30):
        await fake.tick()
        fake.later(60)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND]


async def test_another_cause_is_told_though_one_was_told_just_now() -> None:
    fake = FakeDependencies()
    for error in (TROUBLE, QueueThrottledError("slow down"), TROUBLE):
        await flap(fake, error)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND, Reason.QUEUE_THROTTLED]


async def test_after_an_edit_the_same_trouble_is_news() -> None:
    fake = FakeDependencies()
    await flap(fake)
    assert fake.stored
    fake.stored = replace(fake.stored, generation=2)
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_each_change_of_size_is_told() -> None:
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


async def test_a_clock_that_was_set_back_silences_nobody_for_long() -> None:
    fake = FakeDependencies()
    await flap(fake)
    fake.later(-86_400)
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_a_pool_that_is_gone_is_forgotten_and_its_successor_tells_for_itself() -> None:
    fake = FakeDependencies()
    await flap(fake)
    fake.deduplicator.forget(NamespacedName("shop", "thumbnails"))
    fake.deduplicator.forget(NamespacedName("shop", "thumbnails"))
    fake.stored = pool(uid="uid-2")
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2


async def test_what_one_pool_has_told_silences_no_other() -> None:
    fake = FakeDependencies()
    await flap(fake)
    fake.stored = pool(key=NamespacedName("shop", "invoices"))
    await flap(fake)
    assert fake.event_reasons == [Reason.QUEUE_NOT_FOUND] * 2
