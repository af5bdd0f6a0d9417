"""Why a promise cannot be kept: each thing that may be in the way is taken away alone. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

from queueplanner.outcome import Outcome
from queueplanner.play import Candidate, Scenario
from queueplanner.recommend import manifest as fields
from queueplanner.recommend.manifest import Manifest, Path, candidate, get, is_valid, put
from queueplanner.recommend.needs import Needs
from queueplanner.recommend.slo import Slo
from queueplanner.work import Constant, Failures

MATTERS = 0.9
"""What takes less than a tenth off the wait is not in the way."""
MORE = 10


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that may be in the way: what it is, and a run without it."""

    what: str
    without: str
    candidate: Candidate
    scenario: Scenario


def possible(manifest: Manifest, scenario: Scenario, found: Needs, kept: frozenset[Path]) -> Iterator[Obstacle]:
    """Yield what may be in the way of the best manifest that there is."""
    work, own = scenario.work, candidate(manifest)
    if startup := work.startup.mean_seconds:
        what = f"pods take {startup:g} s to start"
        started = replace(scenario, work=replace(work, startup=Constant(0.0)))
        yield Obstacle(what, "if they started at once", own, started)
    most = get(manifest, fields.MAX)
    wider = put(manifest, fields.MAX, most * MORE)
    if is_valid(wider):
        yield Obstacle(f"maxReplicas is {most}", f"if it were {most * MORE}", candidate(wider), scenario)
    ready = max(ceil(found.peak), 1)
    warm = put(put(manifest, fields.MIN, ready), fields.ACTIVE_MIN, None)
    if fields.MIN in kept and is_valid(warm):
        what = f"minReplicas stays at {get(manifest, fields.MIN) or 0}"
        yield Obstacle(what, f"if it were {ready}", candidate(warm), scenario)
    if work.failures != Failures():
        sound = replace(scenario, work=replace(work, failures=Failures()))
        yield Obstacle("messages fail", "if none did", own, sound)
    if age := scenario.counts_age_seconds:
        what = f"the queue's counts are up to {age:g} s old"
        yield Obstacle(what, "if they were fresh", own, replace(scenario, counts_age_seconds=0.0))


def obstacles(slo: Slo, before: Outcome, several: Sequence[tuple[Obstacle, Outcome]]) -> tuple[str, ...]:
    """Return what is in the way, in sentences, the worst first."""
    waits = sorted(((slo.waited(after), obstacle) for obstacle, after in several), key=lambda each: each[0])
    found = [(waited, obstacle) for waited, obstacle in waits if waited < MATTERS * slo.waited(before)]
    if not found:
        return ("no single thing is in the way: this load is too much for its work",)
    return tuple(_sentence(slo, waited, obstacle) for waited, obstacle in found)


def _sentence(slo: Slo, waited: float, obstacle: Obstacle) -> str:
    end = "which keeps the promise" if waited <= slo.seconds else "which is not enough either"
    return f"{obstacle.what}: {obstacle.without}, the {slo.share} of the wait would be {waited:.3g} s, {end}"
