"""`queueworker run --local` and `--reload`, as a developer uses them."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from devcluster.sqs import ElasticMq, SqsServer
from tests.adapters.worker.conftest import ROOT, until

APP = """\
def handle(message):
    print(f"{version} {{message.body}}", flush=True)
"""
SLOW = """\
import time

def handle(message):
    print(f"begun {{message.body}}", flush=True)
    time.sleep({seconds})
    print(f"{version} {{message.body}}", flush=True)
"""


class Developer:
    """One `queueworker run` in a folder of its own, without AWS's variables."""

    def __init__(self, folder: Path, server: SqsServer | None, *flags: str, **env: str) -> None:
        self.log = folder / "log"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUEWORKER_", "AWS_"))}
        clean |= {"PYTHONPATH": os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common"))), **env}
        if server is not None:
            clean["AWS_ENDPOINT_URL_SQS"] = server.endpoint
        argv = [sys.executable, "-m", "queueworker", "run", "--handler", "app:handle", *flags]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=clean, cwd=folder, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def until(self, text: str, times: int = 1) -> None:
        """Wait until the output has a text so often."""
        until(lambda: self.text.count(text) >= times, 60, f"no {text!r} in: {self.log}")

    def send(self, *bodies: str) -> None:
        """Send messages by the command that was printed."""
        printed = re.search(r"send a message: (.*)", self.text)
        assert printed
        for body in bodies:
            subprocess.run(["sh", "-c", printed[1].replace("hello", body)], check=True, capture_output=True, timeout=60)

    def end(self) -> int:
        """Press Ctrl-C."""
        os.kill(self.process.pid, signal.SIGINT)
        return self.process.wait(60)

    def kill(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


StartDeveloper = Callable[..., Developer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartDeveloper]:
    started: list[Developer] = []

    def begin(server: SqsServer | None, *flags: str, **env: str) -> Developer:
        started.append(Developer(tmp_path, server, *flags, **env))
        return started[-1]

    yield begin
    for each in started:
        each.kill()


def test_one_command_is_enough_where_moto_is_installed(start: StartDeveloper, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP.format(version="handled"))
    (tmp_path / "bodies").write_text('first\n{"order": 17}\n')
    running = start(None, "--local", "--send", "bodies", HTTP_PROXY="http://127.0.0.1:9")
    running.until("handled first")
    running.until('handled {"order": 17}')
    running.send("sent-by-the-command")
    running.until("handled sent-by-the-command")
    endpoint = re.search(r"moto on port (\d+), started for this run", running.text)
    assert endpoint
    assert running.end() == 0, running.text
    assert "left_in_flight=0" in running.text
    until(lambda: not _listens(int(endpoint[1])), 60, "moto's server outlives the worker")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_queue_of_a_name_is_made_with_a_dead_letter_queue(
    start: StartDeveloper, tmp_path: Path, elasticmq: ElasticMq
) -> None:
    (tmp_path / "app.py").write_text("def handle(message):\n    raise RuntimeError('always')\n")
    flags = ("--local", "--queue", f"{tmp_path.name}.fifo", "--retry-seconds", "0", "--send", "-")
    running = start(elasticmq, *flags)
    assert running.process.stdin
    running.process.stdin.write(b"typed\n")
    running.process.stdin.flush()
    running.until("always", 3)
    client = elasticmq.client()
    dead = client.get_queue_url(QueueName=f"{tmp_path.name}-dead.fifo")["QueueUrl"]
    until(lambda: bool(_received(client, dead)), 60, "it is not among the dead letters")
    assert running.end() == 0, running.text


def _received(client: object, url: str) -> object:
    return client.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("flags", "env", "expected"),
    [
        pytest.param(
            ("--local",),
            {"AWS_ENDPOINT_URL_SQS": "https://sqs.eu-west-1.amazonaws.com"},
            "--local never leaves this machine, and AWS_ENDPOINT_URL_SQS is https://sqs.eu-west-1.amazonaws.com",
            id="an endpoint at AWS",
        ),
        pytest.param(
            ("--local", "--queue", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"),
            {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"},
            "for --queue write a name instead of https://sqs.",
            id="a queue at AWS",
        ),
        pytest.param(
            ("--local",),
            {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9"},
            "did not make the queue: SQS did not answer",
            id="a server that is not there",
        ),
        pytest.param(("--send", "app.py"), {}, "Missing option '--queue'", id="nothing local"),
        pytest.param(
            ("--send", "app.py", "--queue", "http://x/1/q"), {}, "--send is for --local", id="to send elsewhere"
        ),
    ],
)
def test_nothing_leaves_this_machine(
    start: StartDeveloper, tmp_path: Path, flags: Sequence[str], env: dict[str, str], expected: str
) -> None:
    (tmp_path / "app.py").write_text(APP.format(version="handled"))
    running = start(None, *flags, **env)
    assert running.process.wait(60) == 2
    assert expected in " ".join(running.text.split())


def test_a_change_starts_the_worker_anew_and_loses_no_message(
    start: StartDeveloper, tmp_path: Path, elasticmq: ElasticMq
) -> None:
    app = tmp_path / "app.py"
    app.write_text(SLOW.format(version="one", seconds=1))
    running = start(elasticmq, "--local", "--reload", "--queue", tmp_path.name)
    running.until("receiving messages")
    running.send("a", "b")
    running.until("begun b")
    app.write_text("def handle(message:\n")
    running.until("SyntaxError")
    running.until("worker ended: waiting for a change")
    assert {"one a", "one b"} <= set(running.text.splitlines()), "messages in hand are finished first"
    running.send("c")
    app.write_text(SLOW.format(version="two", seconds=0))
    running.until("two c")
    assert running.end() == 0, running.text
    assert running.text.count("begun") == 3
    assert running.text.count("left_in_flight=0") == 2


def test_ctrl_c_ends_supervisor_and_worker_after_what_is_in_hand(
    start: StartDeveloper, tmp_path: Path, elasticmq: ElasticMq
) -> None:
    (tmp_path / "app.py").write_text(SLOW.format(version="done", seconds=1))
    running = start(elasticmq, "--local", "--reload", "--queue", tmp_path.name)
    running.until("receiving messages")
    running.send("a")
    running.until("begun a")
    assert running.end() == 0
    assert "done a" in running.text
    assert "left_in_flight=0" in running.text


def test_a_worker_does_not_outlive_its_supervisor(start: StartDeveloper, tmp_path: Path, elasticmq: ElasticMq) -> None:
    (tmp_path / "app.py").write_text(APP.format(version="handled"))
    running = start(elasticmq, "--local", "--reload", "--queue", tmp_path.name)
    running.until("receiving messages")
    running.process.kill()
    running.until("worker ended left_in_flight=0")


def test_in_a_pod_it_says_that_it_is_for_development(
    start: StartDeveloper, tmp_path: Path, elasticmq: ElasticMq
) -> None:
    (tmp_path / "app.py").write_text(APP.format(version="handled"))
    running = start(elasticmq, "--local", "--reload", "--queue", tmp_path.name, POD_NAME="jobs-1")
    running.until("--reload is for development: leave it out where a pod's files do not change")
    running.until("receiving messages")
    assert running.end() == 0
