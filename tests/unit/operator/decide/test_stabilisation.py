"""Stabilization against the HPA's list of recommendations: never sooner, and no further (ADR 0005)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.decide import decide, limits
from queueworkerpool.model import Facts, Memory
from tests.unit.operator.builders import NOW, facts, reading, rules

PER_POD = 5
WINDOWS = st.sampled_from([0, 7, 15, 60])
TOLERANCES = st.sampled_from([0.0, 0.1, 0.3])
LOADS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 200)), min_size=1, max_size=40)
CHAIN = (limits.tolerate, limits.stabilise_scale_up, limits.stabilise_scale_down)


class Hpa:
    """The HPA's tolerance and stabilization, with its list of recommendations; its times are in seconds."""

    def __init__(self, replicas: int, up: int, down: int, tolerance: float) -> None:
        self.recommendations = [(0, replicas)]
        self.up, self.down, self.tolerance = up, down, tolerance

    def decide(self, now: int, replicas: int, load: int) -> int:
        within = replicas and 1 - self.tolerance <= load / (PER_POD * replicas) <= 1 + self.tolerance
        recommendation = replicas if within else -(-load // PER_POD)
        least = min([n for time, n in self.recommendations if time > now - self.up] + [recommendation])
        most = max([n for time, n in self.recommendations if time > now - self.down] + [recommendation])
        self.recommendations.append((now, recommendation))
        return min(max(replicas, least), most)


@given(start=st.integers(1, 40), loads=LOADS, up=WINDOWS, down=WINDOWS, tolerance=TOLERANCES)
def test_every_size_lies_between_the_present_one_and_the_hpas(
    start: int, loads: list[tuple[int, int]], up: int, down: int, tolerance: float
) -> None:
    hpa, replicas, memory, now = Hpa(start, up, down, tolerance), start, Memory(), 0
    for pause, load in loads:
        ours = decide(_facts(replicas, load, memory, now, (up, down, tolerance)), chain=CHAIN)
        theirs = hpa.decide(now, replicas, load)
        assert min(replicas, theirs) <= ours.replicas <= max(replicas, theirs)
        replicas, memory, now = theirs, ours.memory, now + pause


def _facts(replicas: int, load: int, memory: Memory, now: int, behavior: tuple[int, int, float]) -> Facts:
    up, down, tolerance = behavior
    time = NOW + timedelta(seconds=now)
    calm = facts(
        replicas=replicas,
        max_replicas=1000,
        memory=memory,
        scale_up=rules(seconds=up, tolerance=tolerance),
        scale_down=rules(seconds=down, tolerance=tolerance),
    )
    return calm._replace(now=time, readings=(reading(0, load, time=time),))


def test_what_was_recommended_below_the_active_minimum_is_no_size_on_the_way_to_zero() -> None:
    """Three pods would have done for a while, minutes before the queue is empty; four are the minimum until then."""
    sizes, memory = [4], Memory()
    for tick, load in enumerate([15] * 2 + [5] * 60 + [0] * 20):
        calm = facts(replicas=sizes[-1], active_min_replicas=4, memory=memory)
        time = NOW + timedelta(seconds=5 * tick)
        decision = decide(calm._replace(now=time, readings=(reading(0, load, time=time),)))
        sizes, memory = [*sizes, decision.replicas], decision.memory
    assert list(dict.fromkeys(sizes)) == [4, 0]
