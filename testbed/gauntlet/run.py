"""Runs a gauntlet: from the first message to the verdict. The bench `gauntlet` and its test call it.

First everything is slow and nothing fails, so that every thread and connection that a worker may ever have is there;
at rest, the lasting workers' threads and files are counted. Then everything goes wrong. In the end nothing does: every
message gets handled, the lasting workers are counted again, zombies are looked for, and all end in order.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster.sqs import REGION, ElasticMq
from testbed.gauntlet import messages
from testbed.gauntlet.faults import CredentialFault, Episode, Fault, Faults
from testbed.gauntlet.messages import Sender
from testbed.gauntlet.proxy import Proxy
from testbed.gauntlet.records import NEVER, ChildKill, Kind, Life, Records, parse_journal
from testbed.gauntlet.scrapes import Scrapes
from testbed.gauntlet.verdicts import Verdict, judge
from testbed.gauntlet.workers import LASTING, LATEST_END_SECONDS, ROLES, Worker, require_namespaces
from testbed.sts import TOKEN_TEXT

VISIBILITY_SECONDS = 5
BACKLOG = 20
"""Messages that wait in each queue: so many that all workers have work, so few that all are soon handled."""

BATCH = 10
WARM_UP_MESSAGES = 60
WARM_UP_REJECTED = 0.25
WARM_UP_TIMEOUT_SECONDS = 120.0
EMPTY_TIMEOUT_SECONDS = 180.0
REST_SECONDS = 8.0
"""A worker is at rest when its last scraper's connection has ended (5 s) and its orphans were reaped (1 s)."""

STEP_SECONDS = 0.25
EVENTS_PER_SECOND = 1.0
"""Kills, terminations, kills of children, episodes: how often one of them begins, whatever it is."""

SPARED = 0.5
HURRIED = 0.15
SLOW_IMPORTS = 0.2
EPISODE_SECONDS = (1.0, 9.0)
SHORT_LIVES_SECONDS = 12.0


@dataclass(slots=True)
class Usage:
    """Threads and files of a worker at rest, after the warm-up and at the end, and its threads when pools are full."""

    before: tuple[int, int]
    most_threads: int
    after: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Found:
    """What a gauntlet found.

    Args:
        verdict: By the rules of `verdicts`.
        events: How often each kind of event happened.
        faults: How often each fault was injected.
        requests: How many requests about messages there were.
        sent: How many messages were sent.
        handlings: How often handlers began.
        lives: Of all worker processes.
        late_exits: Orderly exits that took too long.
        usage: What each lasting worker has used.
        zombies: Ended processes that were not reaped, at the end.
        left: Messages in the queues at the end, visible or in flight.
        scrapes: Answers of state servers.
        scrape_failures: What went wrong with the others.
    """

    verdict: Verdict
    events: Counter[str]
    faults: Counter[str]
    requests: int
    sent: int
    handlings: int
    lives: list[Life]
    late_exits: list[str]
    usage: dict[str, Usage]
    zombies: int
    left: int
    scrapes: int
    scrape_failures: list[str]

    def more_threads(self) -> int:
        """Return by how many threads a lasting worker has grown, at most, beyond what its pools hold."""
        return max(each.after[0] - max(each.before[0], each.most_threads) for each in self.usage.values())

    def more_files(self) -> int:
        """Return the same for files; each thread that a pool has started since may have a connection."""
        return max(
            each.after[1] - each.before[1] - max(0, each.after[0] - each.before[0]) for each in self.usage.values()
        )

    def crashes(self) -> list[str]:
        """Return the workers that ended by themselves, or by an exit code that nothing explains."""
        crashed = [each.worker for each in self.lives if each.killed == each.terminated == NEVER and each.ended < NEVER]
        odd = [
            f"{each.worker}: exit code {each.exit_code}, {each.left_in_flight} left in flight"
            for each in self.lives
            if each.orderly and each.exit_code != (1 if each.left_in_flight else 0)
        ]
        return [*crashed, *odd]

    def errors(self) -> list[str]:
        """Return the lines of logs that tell of a fault of the worker's own."""
        return [f"{each.worker}: {line}" for each in self.lives for line in each.errors]


@dataclass(slots=True)
class _Slot:
    """A place for one worker after the other."""

    number: int
    lasting: bool
    worker: Worker
    lives: int = 1
    hurry_at: float = NEVER


class Gauntlet:
    """The queues, the proxy and the workers.

    Args:
        folder: For journal and logs.
        server: The honest SQS.
        seed: For all dice.
    """

    def __init__(self, folder: Path, server: ElasticMq, seed: int) -> None:
        self._folder = folder
        self._dice = random.Random(seed)
        self._faults = Faults(seed)
        self.proxy = Proxy(server, self._faults, VISIBILITY_SECONDS)
        self._client = server.client()
        self._urls: dict[str, str] = {}
        self._senders: dict[Kind, Sender] = {}
        for kind in Kind:
            suffix = ".fifo" if kind is Kind.FIFO else ""
            attributes: Any = {"FifoQueue": "true"} if suffix else {}
            for name in (str(kind), f"{kind}-dead"):
                created = self._client.create_queue(QueueName=name + suffix, Attributes=attributes)
                self._urls[name] = created["QueueUrl"]
            self._senders[kind] = Sender(self._client, self._urls[kind], kind)
        (folder / "token").write_text(TOKEN_TEXT)
        self._slots: list[_Slot] = []
        self._past: list[Worker] = []
        self._child_kills: list[ChildKill] = []
        self._late: list[str] = []
        self._events: Counter[str] = Counter()
        self._usage: dict[str, Usage] = {}
        self._next_event = 0.0

    def run(self, seconds: float, workers: int) -> Found:
        """Run from the beginning to the end, `seconds` of it with faults."""
        scrapes = Scrapes(self._workers, self._dice.randrange(2**32))
        for number in range(workers):
            role_is_lasting = number % len(ROLES) < LASTING and number < len(ROLES)
            self._slots.append(_Slot(number, role_is_lasting, self._start(number, 0, slow=False)))
        try:
            self._warm_up()
            with scrapes.running():
                self._trouble(seconds)
            self._calm()
            zombies = sum(slot.worker.zombies() for slot in self._slots)
            self._end()
        finally:
            for worker in [*self._workers(), *self._past]:
                if worker.running:
                    worker.kill()
                    worker.wait(10)
        return self._found(zombies, scrapes)

    def _workers(self) -> list[Worker]:
        return [slot.worker for slot in self._slots]

    def _start(self, number: int, life: int, *, slow: bool) -> Worker:
        role, name = ROLES[number % len(ROLES)], f"w{number}x{life}"
        endpoint = self.proxy.endpoint
        environment = {
            "AWS_ENDPOINT_URL_SQS": endpoint,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "GAUNTLET_JOURNAL": str(self._folder / "journal"),
        }
        if number % 2:
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{endpoint}/credentials/{name}"
        else:
            environment["AWS_ENDPOINT_URL_STS"] = f"{endpoint}/sts/{name}"
            environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(self._folder / "token")
            environment["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/worker"
        if slow and self._dice.random() < SLOW_IMPORTS:
            environment["GAUNTLET_IMPORT_SECONDS"] = str(self._dice.uniform(0.2, 2))
        queue = {
            "url": self._urls[role.kind],
            "dead_letters": self._urls[f"{role.kind}-dead"],
            "visibility_seconds": str(VISIBILITY_SECONDS),
            "folder": str(self._folder),
        }
        return Worker(name, role, queue, environment)

    def _warm_up(self) -> None:
        self._faults.everyone_slow = True
        for slot in self._slots:
            slot.worker.until_started()
        for sender in self._senders.values():
            for _ in range(0, WARM_UP_MESSAGES, BATCH):
                sender.send([self._warm_up_plan() for _ in range(BATCH)])
        self._until_empty(WARM_UP_TIMEOUT_SECONDS)
        self._faults.everyone_slow = False
        self._rest()

    def _warm_up_plan(self) -> dict[str, Any]:
        seconds, rejected = self._dice.uniform(0.05, 0.5), self._dice.random() < WARM_UP_REJECTED
        return self._plan(seconds=seconds, reject=rejected, fails=0, orphan=0)

    def _rest(self) -> None:
        """Wait until the workers are at rest, and count the threads and files of the lasting ones."""
        time.sleep(REST_SECONDS)
        for worker in (slot.worker for slot in self._slots if slot.lasting):
            now = worker.usage()
            self._usage.setdefault(worker.name, Usage(now, worker.role.most_threads)).after = now

    def _plan(self, **given: Any) -> dict[str, Any]:
        return messages.plan(self._dice, VISIBILITY_SECONDS, **given)

    def _until_empty(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and any(sum(each.left()) for each in self._senders.values()):
            self._look_after_slots()
            time.sleep(STEP_SECONDS)

    def _trouble(self, seconds: float) -> None:
        self._faults.everyone_quiet = False
        ends = time.monotonic() + seconds
        if others := [slot for slot in self._slots if not slot.lasting]:
            self._terminate(others[0], time.monotonic())  # chance may end none in a short run
        while (now := time.monotonic()) < ends:
            self._look_after_slots()
            if now >= self._next_event:
                self._next_event = now + self._dice.expovariate(EVENTS_PER_SECOND)
                self._happen(now)
            for sender in self._senders.values():
                if sender.left()[0] < BACKLOG:
                    sender.send([self._plan() for _ in range(BATCH)])
            time.sleep(STEP_SECONDS)

    def _happen(self, now: float) -> None:
        """Let one event happen to one worker; those that last are neither killed nor terminated."""
        events: list[Callable[[_Slot, float], None]] = [self._slow_or_refuse, self._take_credentials, self._kill_child]
        slot = self._dice.choice(self._slots)
        if not slot.lasting:
            events += [self._kill, self._kill, self._terminate, self._terminate, self._terminate]
        if slot.worker.living:
            self._dice.choice(events)(slot, now)

    def _kill(self, slot: _Slot, _: float) -> None:
        slot.worker.kill()
        self._events["kills"] += 1

    def _terminate(self, slot: _Slot, _: float) -> None:
        spared, hurried = self._dice.random() < SPARED, self._dice.random() < HURRIED
        if spared:
            self._faults.spare(slot.worker.name)
            self._events["terminations without further faults"] += 1
        slot.worker.terminate()
        self._events["terminations"] += 1
        if "worker started" not in slot.worker.log.read_text():
            self._events["terminations before the start"] += 1
        if hurried:
            slot.hurry_at = time.monotonic() + self._dice.uniform(0.2, 3)

    def _kill_child(self, slot: _Slot, _: float) -> None:
        if kill := slot.worker.kill_child(self._dice.randrange(100)):
            self._child_kills.append(kill)
            self._events["kills of children"] += 1

    def _slow_or_refuse(self, slot: _Slot, now: float) -> None:
        seconds = self._dice.uniform(*EPISODE_SECONDS)
        self._faults.begin_episode(slot.worker.name, Episode(now, now + seconds, self._dice.choice(list(Fault))))
        self._events["episodes of SQS"] += 1

    def _take_credentials(self, slot: _Slot, now: float) -> None:
        begins = now + SHORT_LIVES_SECONDS
        seconds = self._dice.uniform(*EPISODE_SECONDS)
        fault = self._dice.choice(list(CredentialFault))
        self._faults.begin_episode(slot.worker.name, Episode(begins, begins + seconds, fault))
        self._events["episodes of credentials"] += 1

    def _look_after_slots(self) -> None:
        """Hurry, end and replace workers that were told to end."""
        now = time.monotonic()
        for slot in self._slots:
            worker = slot.worker
            if slot.hurry_at < now:
                slot.hurry_at = NEVER
                self._events["second signals"] += worker.hurry()
            if worker.running and now > worker.terminated + LATEST_END_SECONDS:
                self._late.append(worker.name)
                worker.kill()
            if not worker.running:
                self._past.append(worker)
                slot.worker, slot.hurry_at = self._start(slot.number, slot.lives, slow=True), NEVER
                slot.lives += 1

    def _calm(self) -> None:
        self._faults.everyone_quiet = True
        self._until_empty(EMPTY_TIMEOUT_SECONDS)
        self._rest()

    def _end(self) -> None:
        for slot in self._slots:
            slot.worker.until_started()
        for slot in self._slots:
            slot.worker.terminate()
        for slot in self._slots:
            if not slot.worker.wait(LATEST_END_SECONDS):
                self._late.append(slot.worker.name)

    def _found(self, zombies: int, scrapes: Scrapes) -> Found:
        workers = [*self._past, *self._workers()]
        lives = [each.life() for each in workers]
        records = Records(
            sent=[sent for sender in self._senders.values() for sent in sender.sent],
            handlings=parse_journal((self._folder / "journal").read_text().splitlines()),
            requests=self.proxy.requests,
            lives=lives,
            child_kills=self._child_kills,
            cut_offs=[cut_off for each in workers for cut_off in each.cut_offs()],
            dead_letters=[letter for kind in Kind for letter in self._dead_letters(self._urls[f"{kind}-dead"])],
        )
        self._events["slow crowds at a state server"] = scrapes.slow_crowds
        return Found(
            verdict=judge(records),
            events=self._events,
            faults=self._faults.counts,
            requests=len(records.requests),
            sent=len(records.sent),
            handlings=len(records.handlings),
            lives=lives,
            late_exits=self._late,
            usage=self._usage,
            zombies=zombies,
            left=sum(sum(sender.left()) for sender in self._senders.values()),
            scrapes=scrapes.answered,
            scrape_failures=scrapes.failures,
        )

    def _dead_letters(self, url: str) -> Iterator[tuple[str, int]]:
        """Take what is in a dead-letter queue."""
        while True:
            answer = self._client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
            found: list[Any] = answer.get("Messages", [])
            if not found:
                return
            for message in found:
                plan: Mapping[str, Any] = json.loads(message["Body"])
                yield plan["group"], plan["number"]
                self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def prepared(folder: Path, seed: int) -> Iterator[Gauntlet]:
    """Start the servers while the body runs.

    Raises:
        UnavailableError: pid namespaces or ElasticMQ are not to be had.
    """
    require_namespaces()
    with ExitStack() as stack:
        server = stack.enter_context(ElasticMq())
        gauntlet = Gauntlet(folder, server, seed)
        stack.enter_context(gauntlet.proxy.serving())
        yield gauntlet
