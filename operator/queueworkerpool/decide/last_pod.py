"""How long the last pods stay once the queues are empty: as long as would have cost least lately. Pure.

`limits` asks how long, `remember` keeps the quiet spells: how long the queues were empty before the next message.

To stay costs the pod's time, to go costs a start-up when the next message comes, and nobody knows when that is: the
ski-rental problem. To stay for one start-up never costs more than twice the best choice in hindsight (Karlin, Manasse,
Rudolph, Sleator: Competitive snoopy caching, Algorithmica 3, 1988). Whoever knows how long the spells usually are does
better with the stay that costs least on average (Karlin, Manasse, McGeoch, Owicki: Competitive randomized algorithms
for nonuniform problems, Algorithmica 11, 1994).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from queueworkerpool.decide.windows import protects
from queueworkerpool.model import MOST_SPELLS, Facts, Memory

UNPROTECTED_STAY_SECONDS = 60.0
"""The stay where workers do not report whether they are busy: SQS may need a minute until its counts are right."""

UNKNOWN_STARTUP_SECONDS = 60.0
"""The start-up time of pods of which none was measured and none is declared."""

LEAST_SPELLS = 3
"""While fewer quiet spells are known, the stay is one start-up."""

MOST_STARTUPS = 3
"""The stay is never longer than so many start-ups."""


class Stay(NamedTuple):
    """How long the last pods stay, in seconds, and what that rests on, in words; "" when the user or a default says."""

    seconds: float
    basis: str = ""


def stay(facts: Facts, memory: Memory) -> Stay:
    """Return how long the queues must be empty before the last pods go."""
    if (given := facts.spec.scale_to_zero_after_seconds) is not None:
        return Stay(given)
    if not protects(facts, memory):
        return Stay(UNPROTECTED_STAY_SECONDS)
    startup = memory.workers.startup_seconds or facts.spec.target.declared_startup_seconds or UNKNOWN_STARTUP_SECONDS
    spells = memory.quiet_spells
    if len(spells) < LEAST_SPELLS:
        return Stay(startup, f"{startup:g} s: one start-up, for fewer than {LEAST_SPELLS} quiet spells are known")
    seconds = cheapest_stay(spells, startup)
    shortest, longest = _length(min(spells)), _length(max(spells))
    lasted = f"{shortest} to {longest}" if shortest != longest else shortest
    return Stay(
        seconds,
        f"{seconds:g} s: the cheapest in the last {len(spells)} quiet spells, of {lasted}, "
        f"with start-ups of {startup:g} s",
    )


def cheapest_stay(spells: Sequence[float], startup: float) -> float:
    """Return the stay that would have cost least over these quiet spells, all in seconds; the shortest of several.

    A spell that ends within the stay costs its length, a longer one the stay and a start-up. Between two lengths of
    spells the cost only grows, so that none but these and zero can be the cheapest.
    """
    stays = sorted({0.0, *(length for length in spells if length <= MOST_STARTUPS * startup)})
    return min(stays, key=lambda stay: sum(length if length <= stay else stay + startup for length in spells))


def quiet_spells(facts: Facts, empty_since: datetime | None) -> tuple[float, ...]:
    """Return the last quiet spells, with the one that this tick has ended; `empty_since`: since when there is another.

    Any message ends a spell, also a single one that is gone at the next reading: a pod that stays has most probably
    handled it, and it would have needed a start-up otherwise. Where spells went on across single messages, a pool that
    gets one now and then would know only its nights, leave at once, and pay a start-up for each message. The exception
    are one or two messages at zero pods that a second reading does not confirm: nobody can have handled these, so they
    were an error of the counts (`remember` keeps since when the queues are empty across them).
    """
    known, since = facts.memory.quiet_spells, facts.memory.empty_since
    if since is None or facts.reading is None or not facts.all_read or not _is_learned(facts):
        return known
    if empty_since is None:
        end = facts.memory.activation_pending_since or facts.reading.time
    elif (empty_since - since).total_seconds() > _recheck_seconds(facts):
        end = empty_since
    else:
        return known
    seconds = float(f"{(end - since).total_seconds():.3g}")
    return (*known, seconds)[-MOST_SPELLS:] if seconds > 0 else known


def _is_learned(facts: Facts) -> bool:
    """Return whether the stay depends on quiet spells: the user has set none, and there are pods to go."""
    least = facts.spec.active_min_replicas or 1
    return facts.spec.scale_to_zero_after_seconds is None and facts.bounds.min_replicas < least


def _recheck_seconds(facts: Facts) -> float:
    """Return within what time a worker's report of a handled message may be about the one before the quiet spell."""
    return facts.spec.target.sample_interval_seconds + 2 * facts.spec.poll_seconds


def _length(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004 -- two minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"  # noqa: PLR2004 -- two hours
