"""Start and end of a worker in its image: from exec to the first receive, memory at rest, from SIGTERM to the end.

The image's own files and Python are used, as the image's user and the first process of a PID namespace; only the
network is this machine's. That takes root and buildah; elsewhere it says so and measures the environment's Python.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from rich.progress import Progress

from benchmarks.bench import Bench
from benchmarks.result import Figure, Result
from devcluster.images import Build, Images
from devcluster.sqs import CREDENTIALS
from testbed.counting_sqs import queue_url
from testbed.process_usage import MIB, usage

IMAGE = "queueworkerpool-worker:bench"
ROOT = Path(__file__).parent.parent
USER = "65532"
ARGUMENTS = [f"--queue={queue_url('start')}", "--exec=true", "--state-port=0"]
LONGEST_START_SECONDS = 0.6
MOST_MIB = 40
REST_SECONDS = 3.0
TIMEOUT_SECONDS = 30.0
NOTE = {"note": "all figures are of this run"}


@dataclass(frozen=True, slots=True)
class Run:
    """One worker's life, in seconds and MiB."""

    start_seconds: float
    resident_mib: float
    end_seconds: float


class EmptyQueue:
    """An SQS whose queue stays empty: it answers after the long poll, and knows when the first receive came."""

    def __init__(self) -> None:
        self.received = threading.Event()
        self.received_at = 0.0
        self._ended = threading.Event()
        queue = self

        class Answers(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                queue.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library calls it so
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """The address, for AWS_ENDPOINT_URL_SQS."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, request: Mapping[str, Any]) -> None:
        """Take a request, and return when it is to be answered."""
        if not self.received.is_set():
            self.received_at = time.monotonic()
            self.received.set()
        self._ended.wait(request.get("WaitTimeSeconds", 0))

    def close(self) -> None:
        """Answer what is open, and end."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


def measure(*, rounds: int) -> Result:
    """Start and end one worker after the other."""
    with _place() as (command, where), Progress() as progress:
        runs = [_life(command) for _ in progress.track(range(rounds), description="start")]
    text = f"{where}; {rounds} starts, one after the other, the first left out; files in the page cache"
    return Result("start", text, _figures(runs[1:]), NOTE, {"runs": [asdict(run) for run in runs]})


@contextmanager
def _place() -> Iterator[tuple[list[str], str]]:
    """Yield the command of a worker, and where it runs."""
    if os.geteuid() or not (shutil.which("buildah") and shutil.which("debootstrap")):
        program = str(Path(sys.executable).with_name("queueworker"))
        yield [program], "the environment's Python, because images need root, buildah and debootstrap"
        return
    images = Images()
    images.build(Build(IMAGE, ROOT, "worker", arguments={"BASE": images.base()}))
    with images.mounted(IMAGE) as root:
        namespaces = ["unshare", "--pid", "--fork", "--kill-child", f"--root={root}"]
        user = [f"--setuid={USER}", f"--setgid={USER}"]
        yield [*namespaces, *user, "/opt/venv/bin/queueworker"], "the worker's image, as its first process"


def _life(command: Sequence[str]) -> Run:
    sqs = EmptyQueue()
    environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL_SQS": sqs.endpoint, **CREDENTIALS}
    begun = time.monotonic()
    process = subprocess.Popen([*command, *ARGUMENTS], env=environment, stderr=subprocess.DEVNULL)
    try:
        assert sqs.received.wait(TIMEOUT_SECONDS), "the worker has received nothing"
        pid = _worker(process.pid)
        time.sleep(REST_SECONDS)  # its memory at rest is what is measured
        resident = usage(pid).resident / MIB
        asked = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        process.wait(TIMEOUT_SECONDS)
        ended = time.monotonic()
    finally:
        process.kill()
        process.wait()
        sqs.close()
    return Run(round(sqs.received_at - begun, 3), round(resident, 1), round(ended - asked, 3))


def _worker(pid: int) -> int:
    """Return the process id of the worker: PID itself, or its child in a namespace of its own."""
    children = [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if _parent(stat) == pid and b"queueworker" in (stat.parent / "cmdline").read_bytes()
    ]
    return children[0] if children else pid


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended in the meantime
        return 0


def _figures(runs: Sequence[Run]) -> list[Figure]:
    starts, ends = ([getattr(run, name) for run in runs] for name in ("start_seconds", "end_seconds"))
    return [
        Figure("seconds from exec to the first receive (median)", round(median(starts), 3), LONGEST_START_SECONDS),
        Figure("seconds from exec to the first receive (longest)", max(starts)),
        Figure("MiB at rest (most)", max(run.resident_mib for run in runs), MOST_MIB),
        Figure("seconds from SIGTERM to the end, while it waits for messages (median)", round(median(ends), 3)),
    ]


BENCH = Bench(name="start", measure=measure, options=("rounds",))
