"""Which process may hold the Lease, and the property that two processes never write at the same time."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, cycle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from queueworkerpool.leader.lease import (
    LEASE_DURATION_SECONDS,
    RELEASED_SECONDS,
    RENEW_DEADLINE_SECONDS,
    RENEW_INTERVAL_SECONDS,
    STANDBY_INTERVAL_SECONDS,
    UNKNOWN_HOLDER,
    Lease,
    View,
    claimed,
    created,
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
    "a Lease whose duration was edited to 1 s: for ours, because its holder still writes": (
        SEEN_AT_100,
        replace(HELD, version="8", seconds=1),
        115.0,
    ),
    "a Lease whose duration was edited to a day: for a minute": (None, replace(HELD, seconds=86400), 160.0),
    "a Lease whose holder was edited away: for our duration, because it may have renewed it before": (
        View(HELD, THEIRS, 109.0),
        replace(HELD, version="8", holder=""),
        115.0,
    ),
    "a Lease without a holder that nobody released: for our duration": (None, replace(HELD, holder=""), 115.0),
    "a missing Lease at the start: for our duration, because somebody may have held it": (None, Lease(""), 115.0),
    "a Lease that is still missing: for our duration, because it may have been held meanwhile": (
        View(Lease(""), UNKNOWN_HOLDER, 105.0),
        Lease(""),
        115.0,
    ),
    "a Lease that people create while it is missing: for our duration": (
        View(Lease(""), UNKNOWN_HOLDER, 105.0),
        Lease("1"),
        115.0,
    ),
    "a Lease that a process has created: for our duration": (None, replace(created("now"), version="1"), 115.0),
    "a renewed Lease: for another duration": (View(HELD, THEIRS, 101.0), replace(HELD, version="8"), 115.0),
    "an unchanged Lease: no longer than before": (View(HELD, THEIRS, 101.0), HELD, 101.0),
    "a released Lease: now": (SEEN_AT_100, released(replace(HELD, version="8"), "later"), 100.0),
    "a Lease that was never held: now": (None, Lease(version="1"), 100.0),
    "a Lease that was created again: for our duration, because its holder may not know": (
        View(HELD, THEIRS, 109.0),
        Lease(version="9"),
        115.0,
    ),
}


@pytest.mark.parametrize(("before", "lease", "expires"), OBSERVED.values(), ids=OBSERVED)
def test_a_lease_observed_at_100_belongs_to_its_holder_until(before: View | None, lease: Lease, expires: float) -> None:
    view = observe(before, lease, 100.0, leads=False)
    assert (view.lease, view.expires) == (lease, expires)


HOLDERS = {
    "its holder, which leads": (View(HELD, OURS, 110.0), True, OURS),
    "nobody that we know, when we held it too long ago": (View(HELD, OURS, 110.0), False, UNKNOWN_HOLDER),
    "nobody that we know, when another held it": (View(HELD, THEIRS, 110.0), False, UNKNOWN_HOLDER),
    "nobody that we know, when it was free": (View(Lease("1"), "", 90.0), False, UNKNOWN_HOLDER),
    "nobody that we know, when it was missing before": (View(Lease(""), OURS, 110.0), False, UNKNOWN_HOLDER),
    "nobody that we know, at the start": (None, False, UNKNOWN_HOLDER),
}


@pytest.mark.parametrize(("before", "leads", "holder"), HOLDERS.values(), ids=HOLDERS)
def test_a_lease_that_is_missing_at_100_belongs_to(before: View | None, leads: bool, holder: str) -> None:
    assert observe(before, Lease(""), 100.0, leads=leads).holder == holder


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


def test_a_lease_is_created_without_a_holder_and_not_as_a_free_one() -> None:
    assert created("now") == Lease(version="", holder="", seconds=LEASE_DURATION_SECONDS, renewed="now")


def test_a_released_lease_differs_from_one_that_was_never_held() -> None:
    assert released(HELD, "now") == replace(HELD, holder="", seconds=RELEASED_SECONDS, renewed="now")


def test_a_holder_stops_before_others_may_claim_and_has_time_for_several_renewals() -> None:
    assert RENEW_DEADLINE_SECONDS < LEASE_DURATION_SECONDS * 0.7
    assert RENEW_INTERVAL_SECONDS * 3 < RENEW_DEADLINE_SECONDS


@dataclass
class Server:
    """Stores the Lease as the API server does: a write carries the version that it was decided on.

    Args:
        starting: How many processes have not read the Lease yet.
    """

    starting: int
    lease: Lease = field(default_factory=lambda: Lease("0"))
    versions: Iterator[int] = field(default_factory=lambda: count(1))

    def meddle(self, how: str) -> None:
        """Do to the object what people do."""
        edits: dict[str, dict[str, float | str]] = {
            "shorten": {"seconds": 1},
            "take the holder away": {"holder": "", "seconds": 15},
            "name another holder": {"holder": "nobody"},
        }
        if how == "delete":
            self.lease = Lease("")
        elif how == "create":
            # What only a process that starts after it takes for the Lease of a new release (docs/adr/0007).
            if not (self.lease.version or self.starting):
                self.lease = Lease(str(next(self.versions)))
        elif self.lease.version and not (how == "shorten" and not self.lease.holder):
            self.lease = replace(self.lease, version=str(next(self.versions)), **edits[how])  # type: ignore[arg-type]

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
        yield next(self.delays)
        server.starting -= 1
        while True:
            read = server.lease
            yield next(self.delays)
            view = observe(view, read, self.clock(now[0]), leads=self.leads(now[0]))
            if not read.version:
                written = server.write(created(str(now[0])))
                yield next(self.delays)
                if not written or next(self.delays) == LOST:
                    yield STANDBY_INTERVAL_SECONDS / self.rate + next(self.delays)
                    continue
                view = observe(view, read := written, self.clock(now[0]), leads=self.leads(now[0]))
            if view.holder != self.name and self.terms:
                self.terms[-1] = (self.terms[-1][0], min(self.terms[-1][1], now[0]))
            if wait := wait_seconds(view, self.name, self.clock(now[0])):
                yield min(wait, STANDBY_INTERVAL_SECONDS) / self.rate + next(self.delays)
                continue
            sent = self.clock(now[0])
            yield next(self.delays)
            written = server.write(claimed(read, self.name, str(sent)))
            yield next(self.delays)
            if written and next(self.delays) < LOST:
                view = observe(view, written, sent, leads=self.leads(now[0]))
                self.terms.append((now[0], (sent + RENEW_DEADLINE_SECONDS - self.offset) / self.rate))
                yield RENEW_INTERVAL_SECONDS / self.rate + next(self.delays)
            else:
                yield STANDBY_INTERVAL_SECONDS / self.rate + next(self.delays)

    def leads(self, now: float) -> bool:
        return bool(self.terms) and now < self.terms[-1][1]

    def clock(self, now: float) -> float:
        return now * self.rate + self.offset


LOST = 15.0
MEDDLING = st.lists(
    st.tuples(
        st.floats(0.1, 40.0),
        st.sampled_from(["shorten", "take the holder away", "name another holder", "delete", "create"]),
    ),
    max_size=12,
)
DELAYS = st.lists(st.sampled_from([*[0.0] * 6, 0.01, 0.01, 0.4, 3.0, LOST, 61.0]), min_size=7, max_size=40)
PROCESSES = st.tuples(st.floats(-1e6, 1e6), st.floats(0.9, 1.1), DELAYS)


def meddled(server: Server, meddling: list[tuple[float, str]]) -> Iterator[float]:
    for seconds, how in meddling:
        yield seconds
        server.meddle(how)
    yield math.inf


@settings(max_examples=300, deadline=None)
@given(st.lists(PROCESSES, min_size=2, max_size=3), MEDDLING)
@example(  # one was frozen from one read of a missing Lease to the next, while another created, held and lost it
    [
        (0.0, 1.0, [0.0, 0.0, 0.01, 0.0, 61.0, 0.0, 0.0]),
        (0.0, 0.9375, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 61.0]),
    ],
    [(7.0, "delete"), (40.0, "shorten"), (40.0, "shorten"), (40.0, "delete")],
)
@example(  # one found it missing at the start, and could not create it, because somebody had done so by hand
    [(0.0, 1.0, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]), (0.0, 1.0, [0.4, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])],
    [(0.1, "delete"), (1.1, "create")],
)
def test_two_processes_never_write_at_the_same_time(
    drawn: list[tuple[float, float, list[float]]], meddling: list[tuple[float, str]]
) -> None:
    """Whatever their clocks show, however slow their requests, whichever answers are lost, however long they freeze.

    And whatever is done to the Lease meanwhile.
    """
    server, now = Server(starting=len(drawn)), [0.0]
    processes = [Process(str(i), offset, rate, cycle(delays)) for i, (offset, rate, delays) in enumerate(drawn)]
    steps = [(0.0, i, process.run(server, now)) for i, process in enumerate(processes)]
    steps.append((0.0, len(steps), meddled(server, meddling)))
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
