"""A worker as a process of its own, against a queue of its own on each SQS stand-in."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, Protocol

import pytest

from devcluster.sqs import CREDENTIALS, SqsServer
from queueworker.sqs import SqsQueue, WorkerCredentials
from tests.adapters.worker.proxy import Proxy

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
VISIBILITY_OF_QUEUES = "600"  # so long that whatever is visible sooner was released


def until(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    """Wait for a condition; fail with this sentence when it takes too long: for a busy machine, after a minute."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.02)


def whole_lines(path: Path) -> list[str]:
    """Return the lines of a file that others write to: not the last one while its end is missing."""
    return path.read_text().rpartition("\n")[0].splitlines()


class Queue:
    """A fresh queue on a server."""

    def __init__(self, server: SqsServer, name: str | None = None, **attributes: str) -> None:
        self.server = server
        self.client = server.client()
        merged = {"VisibilityTimeout": VISIBILITY_OF_QUEUES, **attributes}
        name = name or f"jobs-{uuid.uuid4().hex[:12]}"
        self.url = self.client.create_queue(QueueName=name, Attributes=merged)["QueueUrl"]  # type: ignore[arg-type]  # names are text

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def arn(self) -> str:
        return self._attribute("QueueArn")

    def send(self, *bodies: str, **also: Any) -> None:
        for start in range(0, len(bodies), 10):
            batch = enumerate(bodies[start : start + 10])
            entries: Any = [{"Id": str(i), "MessageBody": body, **also} for i, body in batch]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed")

    def depth(self) -> tuple[int, int]:
        """Return the numbers of messages visible and in flight."""
        visible = self._attribute("ApproximateNumberOfMessages")
        return int(visible), int(self._attribute("ApproximateNumberOfMessagesNotVisible"))

    def _attribute(self, name: str) -> str:
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return answer["Attributes"][name]  # type: ignore[index]  # names are text


class Worker:
    """One running `queueworker`."""

    def __init__(self, queue: Queue, folder: Path, *flags: str, prefix: Sequence[str] = (), **env: str) -> None:
        """Start it; `prefix` is what starts the interpreter in another way. A variable may name queues in its place."""
        self.journal = folder / "journal"
        self.log = folder / f"worker-{uuid.uuid4().hex[:8]}.log"
        flags = flags if "QUEUEWORKER_QUEUE" in env else ("--queue", queue.url, *flags)
        argv = [*prefix, sys.executable, "-m", "queueworker", "--state-port", "0", *flags]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUEWORKER_", "AWS_"))}
        clean |= queue.server.env | {"QUEUEWORKER_STATE_HOST": "127.0.0.1", "JOURNAL": str(self.journal)}
        clean |= {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", PROGRAMS))), **env}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env=clean, cwd=folder)

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Return the log lines whose message contains this text."""
        found = [json.loads(line) for line in whole_lines(self.log) if line.startswith("{")]
        return [line for line in found if message in line["message"]]

    def events(self, kind: str = "handled") -> list[str]:
        """Return the bodies of the messages that were handled (or started), in order."""
        recorded = whole_lines(self.journal) if self.journal.exists() else []
        return [line.removeprefix(kind + " ").rpartition(" ")[0] for line in recorded if line.startswith(kind + " ")]

    def receives(self) -> dict[str, list[str]]:
        """Return for each message the receive counts at which it was handled."""
        counts: dict[str, list[str]] = {}
        for line in whole_lines(self.journal):
            kind, _, rest = line.partition(" ")
            body, _, count = rest.rpartition(" ")
            if kind == "handled":
                counts.setdefault(body, []).append(count)
        return counts

    def get(self, path: str) -> tuple[int, str]:
        """Return the state server's status and body."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/state")[1]))

    def metric(self, name: str, queue: Queue, **labels: str) -> float:
        """Return the value of a metric of a queue; `labels` are its others."""
        pairs = sorted(f'{label}="{value}"' for label, value in (labels | {"queue": queue.name}).items())
        line = f"queueworker_{name}{{{','.join(pairs)}}} "
        text = self.get("/metrics")[1]
        return next(float(each.removeprefix(line)) for each in text.splitlines() if each.startswith(line))

    @property
    def port(self) -> int:
        until(lambda: bool(self.lines("worker started")), 60, "the worker did not start: " + self.log.read_text())
        return int(self.lines("worker started")[0]["port"])

    def until_ready(self) -> None:
        """Wait until SQS has answered its first request."""
        until(lambda: self.get("/readyz")[0] == 200, 60, "the worker did not become ready: " + self.log.read_text())

    def until_events(self, number: int, kind: str = "handled", seconds: float = 60) -> None:
        until(lambda: len(self.events(kind)) >= number, seconds, f"{kind}: {Counter(self.events(kind))} {self.lines()}")

    def let_go(self) -> None:
        """Let the handlers `hold` and `hold_async` end, those of later workers in this folder, too."""
        (self.journal.parent / "let-go").touch()

    def signal(self, signum: int = signal.SIGTERM) -> None:
        self.process.send_signal(signum)

    def wait(self, seconds: float = 60) -> int:
        return self.process.wait(seconds)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class StartWorker(Protocol):
    """Starts a worker on a queue with flags and environment; it does not outlive its test."""

    def __call__(self, queue: Queue, *flags: str, prefix: Sequence[str] = (), **env: str) -> Worker: ...


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    started: list[Worker] = []

    def start(queue: Queue, *flags: str, prefix: Sequence[str] = (), **env: str) -> Worker:
        folder = tmp_path / Path(queue.url).name
        folder.mkdir(exist_ok=True)
        worker = Worker(queue, folder, *flags, prefix=prefix, **env)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.kill()


def side_by_side(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test on both SQS stand-ins at the same time: most of it is waiting.

    It may take `server`, `queue` (a fresh one) and `proxy` (in front of the server) besides its fixtures.
    """
    parameters = inspect.signature(test).parameters
    fixtures = [each for name, each in parameters.items() if name not in {"server", "queue", "proxy"}]

    def run(server: SqsServer, arguments: dict[str, Any]) -> None:
        with Proxy(server).serving() if "proxy" in parameters else nullcontext() as proxy:
            queue = Queue(server) if "queue" in parameters else None
            ours = {"server": server, "queue": queue, "proxy": proxy}
            try:
                test(**arguments, **{name: ours[name] for name in parameters.keys() & ours.keys()})
            except BaseException as error:
                error.add_note(f"on {type(server).__name__}")
                raise

    @wraps(test)
    def both(moto_sqs: SqsServer, elasticmq: SqsServer, **arguments: Any) -> None:
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(run, server, arguments) for server in (moto_sqs, elasticmq)]
        for finished in runs:
            finished.result()

    kind = inspect.Parameter.KEYWORD_ONLY
    servers = [inspect.Parameter(name, kind) for name in ("moto_sqs", "elasticmq")]
    own = [each.replace(kind=kind) for each in fixtures]
    both.__signature__ = inspect.Signature([*servers, *own])  # type: ignore[attr-defined]  # pytest reads the fixtures from it
    return both


@pytest.fixture(params=["moto_sqs", "elasticmq"])
def server(request: pytest.FixtureRequest) -> SqsServer:
    """Each SQS stand-in in turn, for tests that need pytest's own fixtures in their thread."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, SqsServer)
    return found


@pytest.fixture
def queue(server: SqsServer) -> Queue:
    """A fresh queue on each SQS stand-in in turn."""
    return Queue(server)


@pytest.fixture
def moto_queue(moto_sqs: SqsServer) -> Queue:
    """A fresh queue on moto, where the protocol does not matter."""
    return Queue(moto_sqs)


@pytest.fixture
def sqs_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], SqsQueue]:
    """Our adapter to a queue at an endpoint."""

    def connect(endpoint: str, url: str) -> SqsQueue:
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL_SQS": endpoint}).items():
            monkeypatch.setenv(name, value)
        return SqsQueue(url, WorkerCredentials(), wait_seconds=0, visibility_seconds=30, change_connections=2)

    return connect
