"""The loads on which `law` measures: nine shapes of a day, each with messages of three lengths. Pure data.

How many messages there are follows from the pods that they keep busy at once when most come: 60 where messages come in
bursts, 20 and 40 where they come all day, and fewer where a message takes 0.1 s, or runs would take minutes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from queueplanner.loads import DAY_SECONDS, Daily, FlashCrowd, HourlyBatch, Load, OnOff, Ramp, SelfSimilar, Sparse
from queueplanner.work import Constant, Lognormal, Work

USUAL_SPREAD, HEAVY_SPREAD = 0.5, 3.0
"""Of service times: their standard deviation over their mean."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long messages take on average, and how many pods they keep busy: in bursts, in short peaks, and for long."""

    seconds: float
    burst: float
    short: float
    long: float

    def per_second(self, pods: float) -> float:
        """Return the messages per second that keep so many pods busy."""
        return pods / self.seconds


LENGTHS = (Length(0.1, 20, 3, 0.2), Length(10, 60, 60, 20), Length(300, 60, 60, 40))


@dataclass(frozen=True, slots=True)
class LawLoad:
    """A load by its name, and how long its messages take."""

    name: str
    load: Load
    service: Lognormal

    def work(self, startup_seconds: float) -> Work:
        """Return its work, with pods that take so long to start."""
        return Work(self.service, Constant(startup_seconds))


def _bursts(length: Length) -> Load:
    """Eight a day: each pod gets what it can handle within 40 s, or one message."""
    return Sparse(every=3 * 3600.0, messages=round(length.burst * max(40 / length.seconds, 1)))


def _hourly(length: Length) -> Load:
    """Batches that are sent within two minutes."""
    return HourlyBatch(messages=round(length.short * max(120 / length.seconds, 1)), after=600.0)


def _daily(length: Length) -> Load:
    return Daily(length.per_second(length.long / 1.9), 0.9)


def _sparse(_: Length) -> Load:
    return Sparse(every=1800.0)


def _crowd(length: Length) -> Load:
    peak = length.per_second(length.short)
    return FlashCrowd(0.02 * peak, peak, at=8 * 3600.0, growth=300.0, decay=1200.0, seconds=DAY_SECONDS)


def _steady_mix(length: Length) -> Load:
    return Daily(length.per_second(length.long / 3), 0.5)


def _on_off(length: Length) -> Load:
    return OnOff(length.per_second(length.long), on=600.0, off=3000.0)


def _ramp(length: Length) -> Load:
    return Ramp(0.0, length.per_second(length.long), DAY_SECONDS)


def _self_similar(length: Length) -> Load:
    return SelfSimilar(length.per_second(length.long / 3))


SHAPES: dict[str, tuple[Callable[[Length], Load], float]] = {
    "burst": (_bursts, USUAL_SPREAD),
    "hourly": (_hourly, USUAL_SPREAD),
    "daily": (_daily, USUAL_SPREAD),
    "sparse": (_sparse, USUAL_SPREAD),
    "flash-crowd": (_crowd, USUAL_SPREAD),
    "heavy-tail": (_steady_mix, HEAVY_SPREAD),
    "on-off": (_on_off, USUAL_SPREAD),
    "ramp": (_ramp, USUAL_SPREAD),
    "self-similar": (_self_similar, USUAL_SPREAD),
}
"""The load of each shape, and how much its service times spread."""


def law_loads() -> Iterator[LawLoad]:
    """Yield the 27 loads."""
    for name, (load, spread) in SHAPES.items():
        for length in LENGTHS:
            yield LawLoad(f"{name} {length.seconds:g} s", load(length), Lognormal(length.seconds, spread))
