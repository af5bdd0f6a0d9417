"""One row of the table of troubles: how it happens, and how it is reported."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from testbed.chaos.view import Signal
from testbed.chaos.world import World

Preparing = Callable[[World], Awaitable[None]]

Happening = Callable[[World], AbstractAsyncContextManager[None]]
"""Makes a trouble happen while the body runs."""


async def nothing(_: World) -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One trouble.

    Args:
        kind: A number that troubles share that are alike; 0 for what SQS and the API server do by themselves.
        name: Its name, which is also that of its pool where it has one of its own.
        happening: Makes it happen.
        reported: how the operator reports it; None when there is nothing to report, and only the sizes must be right.
        prepare: Creates what it happens to; called once.
        everywhere: Whether it happens to all pools; only one such trouble happens at a time.
        recovery_seconds: How long before the end it must have begun, so that the sizes can be right in time.
    """

    kind: int
    name: str
    happening: Happening
    reported: Signal | None = None
    prepare: Preparing = nothing
    everywhere: bool = False
    recovery_seconds: float = 0.0
