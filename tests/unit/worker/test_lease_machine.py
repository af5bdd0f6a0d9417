"""Whatever happens to requests, every message is asked about by one request at most, and none is forgotten."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from queueworker.lease.records import Action, BatchRequest, Lease
from queueworker.lease.table import GIVE_UP_AFTER_SECONDS, LeaseTable
from queueworker.model import DELETE, RELEASE, Disposition, Message

DISPOSITIONS = st.sampled_from([DELETE, RELEASE, Disposition(60)])


class Leases(RuleBasedStateMachine):
    """Receives, settles, and answers requests in any order; requests may fail as a whole, as a job that raises does."""

    leases = Bundle("leases")
    requests = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.table, self.now, self.received = LeaseTable(30), 1000.0, 0
        self.pending: list[BatchRequest] = []
        self.ended: set[str] = set()
        self.settled: dict[str, Lease] = {}

    @rule(target=leases)
    def receive(self) -> Lease:
        self.received += 1
        message = Message(f"m{self.received}", "", f"r{self.received}")
        lease = self.table.add(message, hidden_since=self.now, now=self.now)
        assert lease is not None
        return lease

    @rule(lease=leases, disposition=DISPOSITIONS)
    def settle(self, lease: Lease, disposition: Disposition) -> None:
        if lease.message.id not in self.ended:
            self.table.settle(lease, disposition, self.now)
            self.settled[lease.message.id] = lease

    @rule(lease=leases, seconds=st.integers(1, 600))
    def extend(self, lease: Lease, seconds: int) -> None:
        if lease.disposition is None:
            self.table.request_extension(lease, seconds, self.now)

    @rule(seconds=st.floats(0.01, 20.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=requests, flush=st.booleans())
    def send(self, flush: bool) -> list[BatchRequest]:
        sent = self.table.due_requests(self.now, flush=flush)
        self.pending += sent
        return sent

    @rule(sent=consumes(requests), failing=st.sampled_from(["none", "all, for a while", "all, for good", "half"]))
    def answer(self, sent: list[BatchRequest], failing: str) -> None:
        for request in sent:
            self._answer(request, failing)

    def _answer(self, request: BatchRequest, failing: str) -> None:
        positions = range(0, len(request.leases), 2 if failing == "half" else 1)
        failures = {} if failing == "none" else dict.fromkeys(positions, failing != "all, for good")
        outcome = self.table.record_answer(request, failures, sent_at=self.now, now=self.now)
        self.pending.remove(request)
        finished = [*outcome.stranded, *(outcome.confirmed if request.action is not Action.EXTEND else ())]
        self.ended |= {lease.message.id for lease in finished}

    @invariant()
    def one_request_at_most(self) -> None:
        asked = Counter(lease.message.id for request in self.pending for lease in request.leases)
        assert all(number == 1 for number in asked.values())

    def teardown(self) -> None:
        """Answer everything well: whatever was settled is deleted or released in the end."""
        for request in list(self.pending):
            self._answer(request, "all, for a while")
        for _ in range(100):
            if self.settled.keys() <= self.ended:
                return
            for request in self.table.due_requests(self.now, flush=True):
                self.pending.append(request)
                self._answer(request, "none")
            self.now += GIVE_UP_AFTER_SECONDS / 100
        raise AssertionError(f"forgotten: {self.settled.keys() - self.ended}")


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
