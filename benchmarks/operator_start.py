"""Start and rest of the operator: from exec to its first request to the API server, and its memory beside one pool."""

import asyncio
import json
import os
import subprocess
import threading
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench, Needs
from benchmarks.result import Figure, Result
from devcluster.processes import free_port
from devcluster.sqs import CREDENTIALS
from testbed.environment import Environment
from testbed.interpreters import Interpreter
from testbed.pools import admit
from testbed.process_usage import MIB, usage

LONGEST_START_SECONDS = 1.0
MOST_MIB = 70
REST_SECONDS = 60.0
TIMEOUT_SECONDS = 60.0
POOL = "only"


@dataclass(frozen=True, slots=True)
class Start:
    """One start, until the first request."""

    seconds: float
    cpu_seconds: float


class Waiting:
    """An API server that is not there yet, and knows when it was asked first."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.pid = 0
        self.asked_at = self.cpu_seconds = 0.0
        waiting = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                waiting.note()
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library calls it so
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads here."""
        server = f"http://127.0.0.1:{self._server.server_port}"
        config = {
            "clusters": [{"name": "it", "cluster": {"server": server}}],
            "users": [{"name": "me", "user": {"token": "none"}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
            "current-context": "it",
        }
        path.write_text(json.dumps(config))
        return path

    def note(self) -> None:
        """Note the time of the first request, and what the operator has used until then."""
        if not self.asked.is_set():
            self.asked_at, self.cpu_seconds = time.monotonic(), usage(self.pid).cpu_seconds
            self.asked.set()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


async def measure(environment: Environment, *, rounds: int) -> Result:
    """Let the operator rest beside one pool; then start others, one after the other."""
    environment.sqs.set_depths({POOL: 1})
    await admit(environment, [POOL], replicas=1, poll_seconds=15)
    await asyncio.sleep(REST_SECONDS)
    resident = environment.operator_usage().resident / MIB
    folder = environment.operator.log.parent
    starts = [await asyncio.to_thread(_start, environment.interpreter, folder) for _ in range(rounds + 1)][1:]
    figures = [
        Figure(
            "seconds_to_first_request_median", round(median(each.seconds for each in starts), 3), LONGEST_START_SECONDS
        ),
        Figure("cpu_seconds_to_first_request_median", round(median(each.cpu_seconds for each in starts), 2)),
        Figure("resident_mib", round(resident, 1), MOST_MIB),
    ]
    setting = (
        f"the operator as in its image, {rounds} starts after one that is left out, until its first request to the API "
        f"server; files in the page cache. resident_mib: {REST_SECONDS:g} s after the decision on the only pool"
    )
    return Result("operator_start", setting, figures, {}, {"starts": [asdict(each) for each in starts]})


def _start(interpreter: Interpreter, folder: Path) -> Start:
    waiting = Waiting()
    own = {"KUBECONFIG": str(waiting.kubeconfig(folder / "waiting.kubeconfig")), "QWP_HTTP_PORT": str(free_port())}
    variables = {
        "PATH": os.environ["PATH"],
        "QWP_HTTP_HOST": "127.0.0.1",
        **CREDENTIALS,
        **interpreter.variables,
        **own,
    }
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(interpreter.python), "-m", "queueworkerpool", "operator"], env=variables, stderr=subprocess.DEVNULL
    )
    try:
        waiting.pid = process.pid
        assert waiting.asked.wait(TIMEOUT_SECONDS), "the operator has requested nothing"
    finally:
        process.kill()
        process.wait()
        waiting.close()
    return Start(round(waiting.asked_at - begun, 3), waiting.cpu_seconds)


BENCH = Bench(name="operator_start", measure=measure, needs=Needs.ENVIRONMENT, options=("rounds",))
