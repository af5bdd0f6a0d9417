"""Events: each change of size is told, a cause that flaps is told once in ten minutes."""

from dataclasses import replace

from queueworkerpool.errors import QueueNotFoundError, QueueThrottledError, QueueUnreadableError
from queueworkerpool.model import Key
from queueworkerpool.names import Reason
from tests.unit.operator.sights import Town
from tests.unit.operator.worlds import URL, pool, reading

TROUBLE = QueueNotFoundError("thumbnails: no such queue")


async def flap(town: Town, error: QueueUnreadableError = TROUBLE, seconds: float = 60) -> None:
    """The queue goes away, and comes back."""
    calm = town.queues
    town.queues = {URL: error}
    await town.tick()
    town.later(seconds)
    town.queues = calm
    await town.tick()
    town.later(seconds)


async def test_a_cause_that_comes_and_goes_is_told_once_in_ten_minutes() -> None:
    town = Town()
    for _ in range(5):  # at 0, 2, 4, 6 and 8 minutes
        await flap(town)
    assert town.told == [Reason.QUEUE_NOT_FOUND]
    await flap(town)  # at 10 minutes
    assert town.told == [Reason.QUEUE_NOT_FOUND] * 2


async def test_a_cause_that_lasts_is_not_repeated() -> None:
    town = Town(queues={URL: TROUBLE})
    for _ in range(30):
        await town.tick()
        town.later(60)
    assert town.told == [Reason.QUEUE_NOT_FOUND]


async def test_another_cause_is_told_though_one_was_told_just_now() -> None:
    town = Town()
    for error in (TROUBLE, QueueThrottledError("slow down"), TROUBLE):
        await flap(town, error)
    assert town.told == [Reason.QUEUE_NOT_FOUND, Reason.QUEUE_THROTTLED]


async def test_after_an_edit_the_same_trouble_is_news() -> None:
    town = Town()
    await flap(town)
    assert town.stored
    town.stored = replace(town.stored, generation=2)
    await flap(town)
    assert town.told == [Reason.QUEUE_NOT_FOUND] * 2


async def test_each_change_of_size_is_told() -> None:
    town = Town()
    for visible in (100, 150, 200):
        town.queues = {URL: reading(visible)}
        await town.tick()
        town.later(1)
    assert [news.message.partition(":")[0] for news in town.events] == [
        "from 10 to 20 replicas",
        "from 20 to 30 replicas",
        "from 30 to 40 replicas",
    ]


async def test_a_clock_that_was_set_back_silences_nobody_for_long() -> None:
    town = Town()
    await flap(town)
    town.later(-86_400)
    await flap(town)
    assert town.told == [Reason.QUEUE_NOT_FOUND] * 2


async def test_a_pool_that_is_gone_is_forgotten_and_its_successor_tells_for_itself() -> None:
    town = Town()
    await flap(town)
    town.bulletin.forget(Key("shop", "thumbnails"))
    town.bulletin.forget(Key("shop", "thumbnails"))
    town.stored = pool(uid="uid-2")
    await flap(town)
    assert town.told == [Reason.QUEUE_NOT_FOUND] * 2


async def test_what_one_pool_has_told_silences_no_other() -> None:
    town = Town()
    await flap(town)
    town.stored = pool(key=Key("shop", "invoices"))
    await flap(town)
    assert town.told == [Reason.QUEUE_NOT_FOUND] * 2
