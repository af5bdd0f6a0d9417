"""The consumers that `throughput` and `shutdown` compare: how each is started."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.environments import python_of
from devcluster import cache as tools
from devcluster.processes import Program
from devcluster.sqs import SqsServer

ROOT = Path(__file__).parents[1]
FULL = 10
"""Messages that one request brings at most."""

RIVALS_LOCK = Path(__file__).parent / "rivals" / "requirements.lock"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a consumer is asked to do: its handler's seconds, how many at the same time, messages per request."""

    seconds: float
    concurrency: int
    batch: int = FULL

    def __str__(self) -> str:
        work = f"{self.seconds * 1000:g} ms" if self.seconds else "no-op"
        return f"{work}, concurrency {self.concurrency}, batch {self.batch}"


@dataclass(frozen=True, slots=True)
class Consumer:
    """One program. `{c}` and `{p}` in its arguments stand for concurrency and what is received ahead."""

    name: str
    module: str
    arguments: Sequence[str]
    framework: bool = True
    own_bodies: bool = True

    def argv(self, setting: Setting) -> list[str]:
        """The command line."""
        ahead = max(FULL, 3 * FULL - setting.concurrency) if setting.batch == FULL else 0
        return [str(self.python), *(each.format(c=setting.concurrency, p=ahead) for each in self.arguments)]

    @property
    def python(self) -> Path:
        """The interpreter whose environment holds its library."""
        return python_of(RIVALS_LOCK) if self.framework else Path(sys.executable)


OURS = Consumer(
    "queueworker",
    "queueworker_app",
    (
        *("-m", "queueworker", "--handler", "benchmarks.rivals.queueworker_app:handle", "--concurrency", "{c}"),
        *("--prefetch", "{p}", "--visibility-seconds", "600", "--state-port", "0", "--log-level", "warning"),
    ),
    framework=False,
    own_bodies=False,
)
BARE = Consumer("bare loop", "bare_loop", ("-m", "benchmarks.rivals.bare_loop"), framework=False, own_bodies=False)
CELERY = (
    *("-m", "celery", "-A", "benchmarks.rivals.celery_app", "worker", "--pool", "threads", "--concurrency", "{c}"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
)
DRAMATIQ = ("-m", "dramatiq", "benchmarks.rivals.dramatiq_app", "--processes", "1", "--threads", "{c}")
TASKIQ = (
    *("-m", "taskiq", "worker", "benchmarks.rivals.taskiq_app:broker", "--workers", "1", "--max-async-tasks", "{c}"),
    *("--max-threadpool-threads", "{c}", "--max-prefetch", "{p}", "--log-level", "WARNING"),
)
SQS_WORKERS = ("-m", "benchmarks.rivals.sqs_workers_app")
FRAMEWORKS = (
    Consumer("celery", "celery_app", CELERY),
    Consumer("dramatiq_sqs", "dramatiq_app", DRAMATIQ),
    Consumer("taskiq-aio-sqs", "taskiq_app", TASKIQ),
    Consumer("sqs-workers", "sqs_workers_app", SQS_WORKERS, own_bodies=False),
)
CONSUMERS = (OURS, BARE, *FRAMEWORKS)


def rival_versions() -> dict[str, str]:
    """What the rivals' environment holds of what matters here."""
    names = ("celery", "kombu", "dramatiq", "dramatiq-sqs", "taskiq", "taskiq-aio-sqs", "sqs-workers", "botocore")
    code = f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    found = json.loads(subprocess.check_output([python_of(RIVALS_LOCK), "-c", code], text=True))
    return {f"{name} (rivals)" if name == "botocore" else name: version for name, version in found.items()}


@cache
def bodies(consumer: Consumer, number: int) -> tuple[str, ...]:
    """So many message bodies as the consumer expects them."""
    if not consumer.own_bodies:
        return tuple(str(i) for i in range(number))
    argv = [str(consumer.python), "-m", "benchmarks.rivals.bodies", consumer.module, str(number)]
    text = subprocess.check_output(argv, text=True, env=_environment({"BENCH_QUEUE_URL": "http://127.0.0.1/1/bench"}))
    return tuple(text.splitlines())


def _environment(own: dict[str, str]) -> dict[str, str]:
    foreign = ("QUEUEWORKER_", "AWS_", "PYTHON", "CELERY_", "dramatiq_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return clean | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'worker'}", "AWS_DEFAULT_REGION": "eu-west-1"} | own


@contextmanager
def running(
    consumer: Consumer, setting: Setting, server: SqsServer, queue_url: str, journal: Path | None = None
) -> Iterator[Program]:
    """Run a consumer on a queue while the body lasts; then it is killed, with its children."""
    queue = {"BENCH_QUEUE_URL": queue_url, "BENCH_QUEUE": queue_url.rpartition("/")[2]}
    asked = {"BENCH_SECONDS": str(setting.seconds), "BENCH_CONCURRENCY": str(setting.concurrency)}
    own = {**server.env, **queue, **asked, "BENCH_BATCH": str(setting.batch), "QUEUEWORKER_QUEUE": queue_url}
    if consumer is OURS:
        own["QUEUEWORKER_STATE_HOST"] = "127.0.0.1"
    if journal:
        own["BENCH_JOURNAL"] = str(journal)
    log = tools.folder() / "bench-logs" / f"{consumer.module}-{uuid.uuid4().hex[:8]}.log"
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
