"""Who may hold the Lease: client-go's algorithm, as functions of what was read and the time. Pure.

The elector calls it. Wall clocks do not count: a process dates each change of the Lease by its own monotonic clock,
when it reads it, and takes over only when it has read no change for the Lease's whole duration. The holder counts a
shorter time, from before it wrote, so it always stops writing before another process takes over. What people do to the
object (edit it, delete it) must not shorten that: only the holder's own release does. A missing Lease is not claimed,
because nobody can tell how often it was held and deleted since it was last missing; it is created without a holder, and
then claimed as one that was edited.
"""

from dataclasses import dataclass, replace

LEASE_DURATION_SECONDS = 15
"""How long others leave the Lease to a holder that does not renew it."""

LONGEST_SECONDS = 60
"""How long others leave the Lease to a holder, whatever duration somebody wrote into it."""

RELEASED_SECONDS = 1
"""The duration that a holder writes when it releases the Lease, as client-go does. Without it, a Lease without a holder
was edited, and its holder may still write."""

UNKNOWN_HOLDER = "(unknown)"
"""Stands for whoever may have held a Lease that is missing, or that was edited, as far as other processes know."""

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
        version: Its resourceVersion; empty when there is no Lease.
        holder: The identity of the process that holds it; empty when none does.
        seconds: Its duration.
        renewed: The time of the last renewal, for people to read; empty when no process ever held it.
        transitions: How often its holder has changed.
        wanted: Which shard a process wishes for (`shards.Wish`), on the Lease of their number; empty: none.
    """

    version: str
    holder: str = ""
    seconds: float = LEASE_DURATION_SECONDS
    renewed: str = ""
    transitions: int = 0
    wanted: str = ""


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


def observe(view: View | None, lease: Lease, now: float, *, leads: bool) -> View:
    """Return the view after the Lease was read again. Only a change extends the holder's time.

    Args:
        view: What this process has read before.
        lease: What it has read now.
        now: The time of its own clock, in seconds.
        leads: Whether it may write now, because of a renewal that was confirmed: so nobody else may.
    """
    if view and lease.version and view.lease.version == lease.version:
        return view
    if lease.holder:
        return View(lease, lease.holder, now + min(max(lease.seconds, LEASE_DURATION_SECONDS), LONGEST_SECONDS))
    if _is_free(view, lease):
        return View(lease, "", now)
    # It was edited, or deleted (and created again), and its holder, who may have renewed it since, need not know yet.
    holder = view.holder if view and leads else UNKNOWN_HOLDER
    return View(lease, holder, now + LEASE_DURATION_SECONDS)


def _is_free(view: View | None, lease: Lease) -> bool:
    """Return whether a Lease without a holder can be claimed at once: it was released, or never held."""
    was_released = bool(lease.renewed) and lease.seconds == RELEASED_SECONDS
    was_never_held = view is None and bool(lease.version) and not lease.renewed
    return was_released or was_never_held


def wait_seconds(view: View, identity: str, now: float) -> float:
    """Return for how long this process must leave the Lease alone; 0 when it may claim or renew it."""
    return 0.0 if view.holder in {"", identity} else max(0.0, view.expires - now)


def created(stamp: str) -> Lease:
    """Return the Lease as a process creates it when there is none: everybody leaves it alone as if somebody held it."""
    return Lease(version="", renewed=stamp)


def claimed(lease: Lease, identity: str, stamp: str) -> Lease:
    """Return the Lease as this process claims or renews it. The stamp is for people to read."""
    changes = lease.holder != identity
    return replace(
        lease, holder=identity, seconds=LEASE_DURATION_SECONDS, renewed=stamp, transitions=lease.transitions + changes
    )


def released(lease: Lease, stamp: str) -> Lease:
    """Return the Lease as its holder releases it."""
    return replace(lease, holder="", seconds=RELEASED_SECONDS, renewed=stamp)
