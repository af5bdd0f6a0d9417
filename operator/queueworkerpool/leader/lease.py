"""Who may hold the Lease: client-go's algorithm, as functions of what was read and the time. Pure.

The elector calls it. Wall clocks do not count: a process dates each change of the Lease by its own monotonic clock,
when it reads it, and takes over only when it has read no change for the Lease's whole duration. The holder counts a
shorter time, from before it wrote, so it always stops writing before another process takes over.
"""

from dataclasses import dataclass, replace

LEASE_DURATION_SECONDS = 15
"""How long others leave the Lease to a holder that does not renew it."""

RENEW_DEADLINE_SECONDS = 10.0
"""How long a holder writes after its last renewal. The rest of LEASE_DURATION_SECONDS is for a write that was sent at
the last moment to arrive, and for clocks of unequal speed."""

RENEW_INTERVAL_SECONDS = 2.0
"""How often the holder renews the Lease."""

STANDBY_INTERVAL_SECONDS = 1.0
"""How often a process that stands by reads the Lease. After a release, no process leads for at most this long."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The Lease object.

    Args:
        version: Its resourceVersion.
        holder: The identity of the process that holds it; empty when none does.
        seconds: Its duration.
        renewed: The time of the last renewal, for people to read; empty when no process ever held it.
        transitions: How often its holder has changed.
    """

    version: str
    holder: str = ""
    seconds: float = LEASE_DURATION_SECONDS
    renewed: str = ""
    transitions: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """The Lease as one process has read it.

    Args:
        lease: The object as it was last read.
        holder: The process whose Lease it is.
        expires: Until when it is the holder's, in seconds of the reading process's own clock.
    """

    lease: Lease
    holder: str
    expires: float


def observe(view: View | None, lease: Lease, now: float) -> View:
    """Return the view after the Lease was read again. Only a change extends the holder's time."""
    if view and view.lease.version == lease.version:
        return view
    if view and not lease.renewed:
        # It was deleted and created again, and its holder may not know yet; a release looks different.
        return replace(view, lease=lease)
    return View(lease, lease.holder, now + lease.seconds if lease.holder else now)


def wait_seconds(view: View, identity: str, now: float) -> float:
    """Return for how long this process must leave the Lease alone; 0 when it may claim or renew it."""
    return 0.0 if view.holder in {"", identity} else max(0.0, view.expires - now)


def claimed(lease: Lease, identity: str, stamp: str) -> Lease:
    """Return the Lease as this process claims or renews it. The stamp is for people to read."""
    changes = lease.holder != identity
    return replace(
        lease, holder=identity, seconds=LEASE_DURATION_SECONDS, renewed=stamp, transitions=lease.transitions + changes
    )


def released(lease: Lease, stamp: str) -> Lease:
    """Return the Lease as its holder releases it."""
    return replace(lease, holder="", renewed=stamp)
