"""Whatever goes wrong, and however much of it at once: nothing appears, and nothing vanishes."""

import math
import pickle
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from queueplanner.outcome import outcome
from queueplanner.simulation import Move, PodState, Primary, Run, System, View, simulate
from queueplanner.simulation.engine import Simulation
from queueplanner.simulation.primary import PrimaryServer
from queueplanner.work import Constant, Deaths, Exponential, Failures, Work

SECONDS = 100.0
SHORTEST_POLL = 1.0

moments = st.floats(0.0, SECONDS, width=32)
windows = st.lists(st.tuples(moments, st.floats(0.1, 30.0)).map(lambda each: (each[0], sum(each))), max_size=2)
shares = st.sampled_from((0.0, 0.3, 1.0))
failures = st.builds(Failures, shares, shares, windows, st.integers(0, 3), st.sampled_from((0.5, 5.0)))
deaths = st.builds(Deaths, st.sampled_from((None, 0.005)), st.lists(moments, max_size=2), st.integers(1, 3))
works = st.builds(
    Work,
    st.sampled_from((Constant(0.0), Constant(4.0), Exponential(3.0))),
    st.sampled_from((Constant(0.0), Exponential(5.0))),
    st.integers(1, 3),
    st.sampled_from((1.0, 20.0)),
    st.sampled_from((0.0, 2.0, 30.0)),
    st.booleans(),
    failures,
    deaths,
    st.sampled_from((0.0, 20.0)),
)
primaries = st.none() | st.builds(Primary, st.sampled_from((0.5, 100.0)), st.just(7.0), windows, st.booleans())
systems = st.builds(System, works, st.just(SECONDS), st.sampled_from((0.0, 20.0)), st.integers(0, 3), primaries)
arrivals = st.lists(moments, max_size=40).map(sorted)
sizes = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12)


class Swaying:
    """Other sizes all the time, with and without regard for those who work."""

    name = "swaying"

    def __init__(self, sizes: Sequence[tuple[int, bool]]) -> None:
        self._sizes = sizes

    def decide(self, view: View) -> Move:
        size, spares = self._sizes[int(view.now / 7.0) % len(self._sizes)]
        return Move(size, 7.0, victims=[pod.name for pod in view.pods[::2]], spares_busy=spares)


class Watched(Simulation):
    """A simulation that is looked at after each event."""

    pod_seconds = 0.0
    _seen_at = 0.0
    _seen_pods = 0

    def _remember(self) -> None:
        super()._remember()
        self.look()

    def look(self) -> None:
        """Check that all that is counted is there, and measure the pods that exist."""
        pods, workers = self.pods, self.workers
        ready = [pod for pod in pods._existing.values() if pod.state is PodState.READY]
        assert len(pods.serving) >= pods.asked
        assert pods._ready == len(ready)
        assert workers._slots == sum(self._system.work.concurrency - len(pod.in_hand) for pod in ready)
        assert self.queue.in_flight >= self.in_hand()
        now = self._events.now
        self.pod_seconds += self._seen_pods * (now - self._seen_at)
        self._seen_at, self._seen_pods = now, len(pods._existing)

    def in_hand(self) -> int:
        return sum(len(pod.in_hand) for pod in self.pods._existing.values())


@settings(max_examples=150)
@given(systems, arrivals, sizes, st.integers(0, 100))
def test_every_message_is_somewhere_and_every_pod_is_counted(
    system: System, arrivals: list[float], sizes: list[tuple[int, bool]], seed: int
) -> None:
    if system.work.service == Constant(0.0) and not system.work.failures.attempts:
        arrivals = arrivals[:3]  # they may fail every half second, for ever
    watched = Watched(Swaying(sizes), arrivals, system, Random(seed))
    made = watched.run()
    watched.look()
    assert_messages_are_somewhere(watched, made)
    assert math.isclose(made.pod_seconds, watched.pod_seconds, abs_tol=1e-6)
    assert made.empty_receives * SHORTEST_POLL <= made.pod_seconds + 1e-6
    assert made.wasted_seconds <= made.pod_seconds * system.work.concurrency + 1e-6


def assert_messages_are_somewhere(watched: Watched, made: Run) -> None:
    queue, workers = watched.queue, watched.workers
    senders = queue.senders if isinstance(queue, PrimaryServer) else []
    waiting = [*queue.visible, *senders]
    handled = sum(not math.isnan(done) for done in made.done)
    assert len(set(waiting)) == len(waiting)
    assert all(math.isnan(made.done[each]) for each in waiting)
    assert queue.left == len(waiting) + queue.in_flight
    assert len(made.arrivals) == handled + made.lost + made.dead_lettered + queue.left
    assert outcome("", made).unhandled == queue.left
    begun_again = made.repeated + len(workers._interrupted)
    assert queue.received == handled + made.failed + begun_again + watched.in_hand()
    for sent, begun, done in zip(made.arrivals, made.begun, made.done, strict=True):
        assert math.isnan(begun) or sent <= begun
        assert math.isnan(done) or begun <= done


@settings(max_examples=30)
@given(systems, arrivals, sizes, st.integers(0, 100))
def test_the_same_seed_gives_the_same_run(
    system: System, arrivals: list[float], sizes: list[tuple[int, bool]], seed: int
) -> None:
    arrivals = arrivals[:5]
    runs = [simulate(Swaying(sizes), arrivals, system, Random(seed)) for _ in range(2)]
    assert pickle.dumps(runs[0]) == pickle.dumps(runs[1])


@settings(max_examples=60)
@given(works, arrivals, sizes, st.integers(0, 100))
def test_with_a_pod_that_stays_every_message_is_handled_in_the_end(
    work: Work, arrivals: list[float], sizes: list[tuple[int, bool]], seed: int
) -> None:
    calm: dict[str, Any] = {"failures": Failures(), "deaths": Deaths()}
    mine = Work(work.service, work.startup, work.concurrency, 20.0, work.grace_seconds, work.releases, **calm)
    policy = Swaying([*sizes, (1, False)] * 3 + [(2, True)] * 200)
    made = simulate(policy, arrivals, System(mine, 1_000.0), Random(seed))
    assert outcome("", made).unhandled == 0
