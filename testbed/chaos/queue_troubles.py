"""Troubles with queues, their addresses, and the credentials to read them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from testbed.chaos.trouble import Happening, Trouble
from testbed.chaos.view import both, condition, posted
from testbed.chaos.world import TENANT, World
from testbed.counting_sqs import Fault, Refusal, queue_url

NOWHERE = "https://sqs.nowhere.amazonaws.com/123456789012/queue"
"""A host of AWS's that names no region."""


def _broken(name: str, kind: Fault | Refusal) -> Happening:
    @asynccontextmanager
    async def happening(world: World) -> AsyncIterator[None]:
        world.sqs.break_queues({name: kind})
        yield
        world.sqs.break_queues({name: None})

    return happening


@asynccontextmanager
async def _not_an_address(world: World) -> AsyncIterator[None]:
    await world.edit("address", queues=[{"url": NOWHERE}])
    yield
    await world.edit("address", queues=[{"url": queue_url("address")}])


def _refused(status: int, code: str) -> Happening:
    @asynccontextmanager
    async def happening(world: World) -> AsyncIterator[None]:
        world.sts.refusal = status, code
        yield
        world.sts.refusal = None

    return happening


def _unreadable(kind: int, name: str, happening: Happening, *reasons: str) -> Trouble:
    """Return a trouble that makes the queue of a pool unreadable."""
    reported = condition(name, "QueueReachable", "False", *reasons)
    if kind == 0:
        reported = both(reported, condition(name, "Ready", "False", *reasons), posted(name, reasons[0]))
    return Trouble(kind=kind, name=name, happening=happening, reported=reported, prepare=lambda world: world.add(name))


def _credentials(status: int, code: str, *reasons: str) -> Trouble:
    name = f"sts-{code.lower()}"
    reported = condition(name, "QueueReachable", "False", *reasons)
    prepare = partial(World.add, name=name, namespace=TENANT)
    return Trouble(kind=19, name=name, happening=_refused(status, code), reported=reported, prepare=prepare)


BROKEN: dict[str, tuple[Fault | Refusal, str]] = {
    "silent": (Fault.SILENT, "QueueUnreachable"),
    "reset": (Fault.DEAD, "QueueUnreachable"),
    "missing": (Refusal.MISSING, "QueueNotFound"),
    "denied": (Refusal.DENIED, "QueueAccessDenied"),
    "throttled": (Refusal.THROTTLED, "QueueThrottled"),
}
TROUBLES = (
    *(
        _unreadable(0, f"queue-{name}", _broken(f"queue-{name}", kind), reason)
        for name, (kind, reason) in BROKEN.items()
    ),
    _unreadable(18, "address", _not_an_address, "QueueNotAllowed", "QueueAddressInvalid"),
    _credentials(403, "AccessDenied", "QueueAccessDenied", "CredentialsDenied"),
)
