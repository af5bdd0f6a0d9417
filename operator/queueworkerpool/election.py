"""Who may hold the Lease: client-go's algorithm, as functions of what was seen and the time. Pure.

`leadership` asks it. Nobody's wall clock counts: a process dates each change of the Lease by its own monotonic clock,
at the time when it sees it, and takes over only when it has seen no change for the Lease's whole duration. The holder
has written before others can see it, and counts a shorter time from before it wrote, so it gives up first.
"""

from dataclasses import dataclass, replace

LEASE_SECONDS = 15
"""How long others leave the Lease to a holder that they hear nothing of."""

HOLD_SECONDS = 10.0
"""How long a holder writes after its last renewal. What is missing to LEASE_SECONDS is for a write that was sent at
the last moment to arrive, and for clocks of unequal speed."""

RENEW_SECONDS = 2.0
LOOK_SECONDS = 1.0
"""How often a process that stands by looks at the Lease: for so long, at most, nobody leads after a release."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The Lease object. `renewed` is empty where nobody ever held it."""

    version: str
    holder: str = ""
    seconds: float = LEASE_SECONDS
    renewed: str = ""
    transitions: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """The Lease as one process has seen it, and until when it is its holder's, by that process's own clock."""

    lease: Lease
    holder: str
    expires: float


def observe(view: View | None, lease: Lease, now: float) -> View:
    """Take in the Lease as it is now. Only a change gives its holder time."""
    if view and view.lease.version == lease.version:
        return view
    if view and not lease.renewed:
        # Somebody made it anew, and its holder may not know yet: a release looks different.
        return replace(view, lease=lease)
    return View(lease, lease.holder, now + lease.seconds if lease.holder else now)


def wait_seconds(view: View, identity: str, now: float) -> float:
    """For how long this process must leave the Lease alone; 0 when it may claim or renew it."""
    return 0.0 if view.holder in {"", identity} else max(0.0, view.expires - now)


def claimed(lease: Lease, identity: str, stamp: str) -> Lease:
    """The Lease that this process asks for. The stamp is for people to read."""
    changes = lease.holder != identity
    return replace(
        lease, holder=identity, seconds=LEASE_SECONDS, renewed=stamp, transitions=lease.transitions + changes
    )


def released(lease: Lease, stamp: str) -> Lease:
    """The Lease that its holder leaves to whoever comes first."""
    return replace(lease, holder="", renewed=stamp)
