"""Which process may hold the Lease, and the property that two processes never write at the same time."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queueworkerpool.leader.lease import (
    LEASE_DURATION_SECONDS,
    RENEW_DEADLINE_SECONDS,
    RENEW_INTERVAL_SECONDS,
    STANDBY_INTERVAL_SECONDS,
    Lease,
    View,
    claimed,
    observe,
    released,
    wait_seconds,
)

OURS, THEIRS = "ours", "theirs"
HELD = Lease(version="7", holder=THEIRS, seconds=15, renewed="2026-11-23T12:00:00.000000Z", transitions=3)
SEEN_AT_100 = View(HELD, THEIRS, 115.0)

OBSERVED = {
    "a held Lease: for its whole duration": (None, HELD, 115.0),
    "a held Lease: for the duration in the Lease, not our constant": (None, replace(HELD, seconds=40), 140.0),
    "a renewed Lease: for another duration": (View(HELD, THEIRS, 101.0), replace(HELD, version="8"), 115.0),
    "an unchanged Lease: no longer than before": (View(HELD, THEIRS, 101.0), HELD, 101.0),
    "a released Lease: now": (SEEN_AT_100, released(replace(HELD, version="8"), "later"), 100.0),
    "a Lease that was never held: now": (None, Lease(version="1"), 100.0),
    "a Lease that was created again: as before, because its holder may not know": (
        View(HELD, THEIRS, 109.0),
        Lease(version="9"),
        109.0,
    ),
}


@pytest.mark.parametrize(("before", "lease", "expires"), OBSERVED.values(), ids=OBSERVED)
def test_a_lease_observed_at_100_belongs_to_its_holder_until(before: View | None, lease: Lease, expires: float) -> None:
    view = observe(before, lease, 100.0)
    assert (view.lease, view.expires) == (lease, expires)


WAITS = {
    "another's Lease: until it expires": (SEEN_AT_100, 103.0, 12.0),
    "another's expired Lease: no time": (SEEN_AT_100, 115.0, 0.0),
    "another's long expired Lease: no time": (SEEN_AT_100, 900.0, 0.0),
    "its own Lease: no time": (View(replace(HELD, holder=OURS), OURS, 115.0), 103.0, 0.0),
    "a free Lease: no time": (View(Lease("1"), "", 100.0), 100.0, 0.0),
    "a Lease that was created again while another held it: until that one expires": (
        View(Lease("9"), THEIRS, 115.0),
        103.0,
        12.0,
    ),
    "a Lease that was created again while it was its own: no time": (View(Lease("9"), OURS, 115.0), 103.0, 0.0),
}


@pytest.mark.parametrize(("view", "now", "seconds"), WAITS.values(), ids=WAITS)
def test_a_process_waits_for(view: View, now: float, seconds: float) -> None:
    assert wait_seconds(view, OURS, now) == seconds


def test_a_claim_names_the_process_and_counts_only_a_change_of_holder() -> None:
    taken = claimed(HELD, OURS, "now")
    assert taken == replace(HELD, holder=OURS, seconds=LEASE_DURATION_SECONDS, renewed="now", transitions=4)
    assert claimed(taken, OURS, "later") == replace(taken, renewed="later")


def test_a_released_lease_differs_from_one_that_was_never_held() -> None:
    assert released(HELD, "now") == replace(HELD, holder="", renewed="now")


def test_a_holder_stops_before_others_may_claim_and_has_time_for_several_renewals() -> None:
    assert RENEW_DEADLINE_SECONDS < LEASE_DURATION_SECONDS * 0.7
    assert RENEW_INTERVAL_SECONDS * 3 < RENEW_DEADLINE_SECONDS


@dataclass
class Server:
    """Stores the Lease as the API server does: a write carries the version that it was decided on."""

    lease: Lease = field(default_factory=lambda: Lease("0"))
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def write(self, wanted: Lease) -> Lease | None:
        if wanted.version != self.lease.version:
            return None
        self.lease = replace(wanted, version=str(next(self.versions)))
        return self.lease


@dataclass
class Process:
    """One process whose clock starts anywhere and runs a little fast or slow."""

    name: str
    offset: float
    rate: float
    delays: Iterator[float]
    terms: list[tuple[float, float]] = field(default_factory=list)

    def run(self, server: Server, now: list[float]) -> Iterator[float]:
        """Take part in the election; yields the seconds of each step, of a frozen process too."""
        view = None
        while True:
            yield next(self.delays)
            read = server.lease
            yield next(self.delays)
            view = observe(view, read, self.clock(now[0]))
            if view.holder != self.name and self.terms:
                self.terms[-1] = (self.terms[-1][0], min(self.terms[-1][1], now[0]))
            if wait := wait_seconds(view, self.name, self.clock(now[0])):
                yield min(wait, STANDBY_INTERVAL_SECONDS) / self.rate
                continue
            sent = self.clock(now[0])
            yield next(self.delays)
            written = server.write(claimed(read, self.name, str(sent)))
            yield next(self.delays)
            if written and next(self.delays) < LOST:
                view = observe(view, written, self.clock(now[0]))
                self.terms.append((now[0], (sent + RENEW_DEADLINE_SECONDS - self.offset) / self.rate))
                yield RENEW_INTERVAL_SECONDS / self.rate
            else:
                yield STANDBY_INTERVAL_SECONDS / self.rate

    def clock(self, now: float) -> float:
        return now * self.rate + self.offset


LOST = 15.0
DELAYS = st.lists(st.sampled_from([0.0, 0.01, 0.4, 3.0, LOST, 61.0]), min_size=7, max_size=40)
PROCESSES = st.tuples(st.floats(-1e6, 1e6), st.floats(0.9, 1.1), DELAYS)


@settings(max_examples=300, deadline=None)
@given(st.lists(PROCESSES, min_size=2, max_size=3))
def test_two_processes_never_write_at_the_same_time(drawn: list[tuple[float, float, list[float]]]) -> None:
    """Whatever their clocks show, however slow their requests, whichever answers are lost, however long they freeze."""
    server, now = Server(), [0.0]
    processes = [Process(str(i), offset, rate, cycle(delays)) for i, (offset, rate, delays) in enumerate(drawn)]
    steps = [(0.0, i, process.run(server, now)) for i, process in enumerate(processes)]
    for _ in range(400):
        now[0], i, running = heapq.heappop(steps)
        heapq.heappush(steps, (now[0] + next(running), i, running))
    terms = sorted(
        (begun, ended, process.name) for process in processes for begun, ended in process.terms if begun < ended
    )
    latest: dict[str, float] = {}
    for begun, ended, name in terms:
        others = [until for other, until in latest.items() if other != name]
        assert begun >= max(others, default=0.0) - 1e-6
        latest[name] = max(latest.get(name, 0.0), ended)
