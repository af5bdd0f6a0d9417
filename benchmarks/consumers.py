"""The SQS consumers that `throughput` and `shutdown` compare: how each is started."""

import functools
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devcluster import cache
from devcluster.processes import Program
from devcluster.sqs import SqsServer
from testbed.interpreters import python_of

ROOT = Path(__file__).parents[1]
FULL_BATCH = 10
"""The most messages that one request returns."""

PEERS_LOCK = Path(__file__).parent / "peers" / "requirements.lock"


@dataclass(frozen=True, slots=True)
class Setting:
    """How a consumer works: its handler's seconds, handlers at the same time, messages per request."""

    seconds: float
    concurrency: int
    batch: int = FULL_BATCH

    def __str__(self) -> str:
        work = f"{self.seconds * 1000:g} ms" if self.seconds else "no-op"
        return f"{work}, concurrency {self.concurrency}, batch {self.batch}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """One program.

    Args:
        name: Its name in figures.
        module: Its module in `peers`.
        arguments: Arguments of Python; `{c}` stands for the concurrency, `{p}` for the messages received ahead.
        framework: Whether its library is in the peers' environment.
        own_bodies: Whether its library expects messages of a form of its own.
    """

    name: str
    module: str
    arguments: Sequence[str]
    framework: bool = True
    own_bodies: bool = True

    def argv(self, setting: Setting) -> list[str]:
        """Return the command line."""
        ahead = max(FULL_BATCH, 3 * FULL_BATCH - setting.concurrency) if setting.batch == FULL_BATCH else 0
        return [str(self.python), *(each.format(c=setting.concurrency, p=ahead) for each in self.arguments)]

    @property
    def python(self) -> Path:
        """The interpreter whose environment holds its library."""
        return python_of(PEERS_LOCK) if self.framework else Path(sys.executable)


def _ours(name: str, module: str, *handler: str) -> Consumer:
    """Return our own worker with a handler."""
    arguments = (
        *("-m", "queueworker", *handler, "--concurrency", "{c}", "--prefetch", "{p}", "--visibility-seconds", "600"),
        *("--state-host", "127.0.0.1", "--state-port", "0", "--log-level", "warning"),
    )
    return Consumer(name, module, arguments, framework=False, own_bodies=False)


OURS = _ours("queueworker", "queueworker_app", "--handler", "benchmarks.peers.queueworker_app:handle")
_NODE = f"node {ROOT / 'benchmarks' / 'peers'}"
SERVE = _ours("--serve, Node", "serve_app", "--serve", f"{_NODE}/serve_app.mjs")
EXEC = _ours("--exec, Node", "exec_app", "--exec", f"{_NODE}/exec_app.mjs")
EXEC_TRUE = _ours("--exec, true", "exec_true", "--exec", "true")
BARE = Consumer("bare loop", "bare_loop", ("-m", "benchmarks.peers.bare_loop"), framework=False, own_bodies=False)
CELERY = (
    *("-m", "celery", "-A", "benchmarks.peers.celery_app", "worker", "--pool", "threads", "--concurrency", "{c}"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
)
DRAMATIQ = ("-m", "dramatiq", "benchmarks.peers.dramatiq_app", "--processes", "1", "--threads", "{c}")
TASKIQ = (
    *("-m", "taskiq", "worker", "benchmarks.peers.taskiq_app:broker", "--workers", "1", "--max-async-tasks", "{c}"),
    *("--max-threadpool-threads", "{c}", "--max-prefetch", "{p}", "--log-level", "WARNING"),
)
SQS_WORKERS = ("-m", "benchmarks.peers.sqs_workers_app")
FRAMEWORKS = (
    Consumer("celery", "celery_app", CELERY),
    Consumer("dramatiq_sqs", "dramatiq_app", DRAMATIQ),
    Consumer("taskiq-aio-sqs", "taskiq_app", TASKIQ),
    Consumer("sqs-workers", "sqs_workers_app", SQS_WORKERS, own_bodies=False),
)
CONSUMERS = (OURS, BARE, *FRAMEWORKS)


def peer_versions() -> dict[str, str]:
    """Return the versions of the libraries in the peers' environment."""
    names = ("celery", "kombu", "dramatiq", "dramatiq-sqs", "taskiq", "taskiq-aio-sqs", "sqs-workers", "botocore")
    code = f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    found = json.loads(subprocess.check_output([python_of(PEERS_LOCK), "-c", code], text=True))
    return {f"{name} (peers)" if name == "botocore" else name: version for name, version in found.items()}


@functools.cache
def bodies(consumer: Consumer, number: int) -> tuple[str, ...]:
    """Return this many message bodies, as the consumer expects them."""
    if not consumer.own_bodies:
        return tuple(str(i) for i in range(number))
    argv = [str(consumer.python), "-m", "benchmarks.peers.bodies", consumer.module, str(number)]
    text = subprocess.check_output(argv, text=True, env=_environment({"BENCH_QUEUE_URL": "http://127.0.0.1/1/bench"}))
    return tuple(text.splitlines())


def _environment(own: dict[str, str]) -> dict[str, str]:
    foreign = ("QUEUEWORKER_", "AWS_", "PYTHON", "CELERY_", "dramatiq_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    sources = os.pathsep.join(map(str, (ROOT, ROOT / "worker", ROOT / "common")))
    return clean | {"PYTHONPATH": sources, "AWS_DEFAULT_REGION": "eu-west-1"} | own


@contextmanager
def running(
    consumer: Consumer, setting: Setting, server: SqsServer, queue_url: str, journal: Path | None = None
) -> Iterator[Program]:
    """Run a consumer on a queue while the body runs; then kill it, with its children."""
    queue = {"BENCH_QUEUE_URL": queue_url, "BENCH_QUEUE": queue_url.rpartition("/")[2]}
    settings = {"BENCH_SECONDS": str(setting.seconds), "BENCH_CONCURRENCY": str(setting.concurrency)}
    own = {**server.env, **queue, **settings, "BENCH_BATCH": str(setting.batch), "QUEUEWORKER_QUEUE": queue_url}
    if journal:
        own["BENCH_JOURNAL"] = str(journal)
    log = cache.folder() / "bench-logs" / f"{consumer.module}-{uuid.uuid4().hex[:8]}.log"
    program = Program(consumer.argv(setting), log, env=_environment(own))
    program.start()
    pid = program.pid
    try:
        yield program
    except BaseException as error:
        error.add_note(f"the log of {consumer.name} is {log}")
        raise
    else:
        log.unlink()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # a program has a session, and so a group, of its own
        program.kill()
