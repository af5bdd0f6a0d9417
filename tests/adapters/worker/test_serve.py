"""Programs in other languages, as a worker runs them with --serve: those of examples/serve, and their life."""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from devcluster import UnavailableError, tools
from devcluster.sqs import SqsServer
from docs.markdown import marked
from tests.adapters.worker.conftest import ROOT, Queue, StartWorker, side_by_side, until
from tests.adapters.worker.test_command_line import GOOD, refused_start
from tests.adapters.worker.test_handler_features import LARGEST, LARGEST_BODIES
from tests.adapters.worker.test_isolation import children, runs

EXAMPLES = ROOT / "examples" / "serve"


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory, unavailable: Callable[[str], NoReturn]) -> str:
    """The command of the example in Go, built as its first line says."""
    program = tmp_path_factory.mktemp("go") / "handler"
    try:
        go = tools.go()
    except UnavailableError as error:
        unavailable(str(error))
    env = os.environ | {"GO111MODULE": "off", "GOFLAGS": ""}
    subprocess.run([go, "build", "-o", program, EXAMPLES / "handler.go"], check=True, env=env)
    return str(program)


@pytest.fixture(scope="module")
def node_program(unavailable: Callable[[str], NoReturn]) -> str:
    """The command of the example in Node."""
    if shutil.which("node") is None:
        unavailable("node is missing: install nodejs.")
    return shlex.join(["node", str(EXAMPLES / "handler.mjs")])


@pytest.fixture(params=["node", "go"])
def program(request: pytest.FixtureRequest) -> str:
    """The command of each example in turn."""
    return str(request.getfixturevalue(f"{request.param}_program"))


ORDERS = [{"id": f"o-{number}", "customer": "päul\u2028", "large": number == 3} for number in range(40)]


@side_by_side
def test_the_examples_handle_extend_reject_retry_and_fail(
    server: SqsServer, start_worker: StartWorker, program: str
) -> None:
    queue, dead = Queue(server), Queue(server)
    others = [json.dumps({"customer": "nobody"}), json.dumps({"early": True}), "no order"]
    queue.send(*map(json.dumps, ORDERS), *others)
    flags = ("--concurrency", "3", "--dead-letter-queue", dead.url, "--retry-seconds", "600")
    worker = start_worker(queue, "--serve", program, *flags)
    until(lambda: worker.state()["processed"] == len(ORDERS), 60, "not all are handled")
    until(lambda: queue.depth() == (0, 2) and dead.depth() == (1, 0), 60, "the queues do not have what they should")
    started = children(worker)
    assert 1 <= len(started) <= 3, "programs are used again"
    assert [line["error"] for line in worker.lines("handler rejected")] == ["no such customer"]
    assert [line["error"] for line in worker.lines("released by its handler")] == ["again in 60 s"]
    (failed,) = worker.lines("handler failed")
    assert "no order" in failed["error"] or "invalid character" in failed["error"]
    text = worker.log.read_text()
    assert all(f"handled {order['id']}\n" in text for order in ORDERS), "standard error is the worker's"
    assert worker.metric("messages_extended_total", queue) == 1
    worker.signal()
    assert worker.wait() == 0
    until(lambda: not any(map(runs, started)), 60, "a program outlived the worker")


def test_the_program_of_the_page_handles_messages(moto_queue: Queue, start_worker: StartWorker, tmp_path: Path) -> None:
    (block,) = marked((ROOT / "docs" / "serve.md").read_text(), "test: serve")
    (tmp_path / "handler.mjs").write_text(block.text)
    moto_queue.send("a", "b")
    worker = start_worker(moto_queue, "--serve", shlex.join(["node", str(tmp_path / "handler.mjs")]))
    until(lambda: moto_queue.depth() == (0, 0), 60, "the messages are not handled")
    assert "handling a\n" in worker.log.read_text()
    assert worker.lines("handler failed") == []


PROGRAM = """
import hashlib, json, os, signal, sys, time
print('{"ready": true}', flush=True)
for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    with open(os.environ["JOURNAL"], "a") as journal:
        if len(body) > 100:
            body = hashlib.sha256(body.encode()).hexdigest()
        journal.write(f"started {body} {message['receiveCount']}\\n")
    if body == "poison":
        os.kill(os.getpid(), signal.SIGKILL)
    if body.startswith("sleep"):
        time.sleep(60)
    print(json.dumps({"id": message["id"], "success": True}), flush=True)
"""


@pytest.fixture
def python_program(tmp_path: Path) -> str:
    """A program that writes what it is given to the journal."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return shlex.join([sys.executable, "-I", str(path)])


def test_the_largest_bodies_arrive_whole(moto_queue: Queue, start_worker: StartWorker, python_program: str) -> None:
    """On moto alone: ElasticMQ has the limit of before 2025."""
    for body in LARGEST_BODIES.values():
        assert len(body.encode()) == LARGEST
        moto_queue.client.send_message(QueueUrl=moto_queue.url, MessageBody=body)
    worker = start_worker(moto_queue, "--serve", python_program, "--concurrency", "4")
    until(lambda: worker.state()["processed"] == len(LARGEST_BODIES), 60, "not all are handled")
    digests = [hashlib.sha256(body.encode()).hexdigest() for body in LARGEST_BODIES.values()]
    assert sorted(worker.events("started")) == sorted(digests)
    until(lambda: moto_queue.depth() == (0, 0), 60, "a message was not deleted")


@side_by_side
def test_a_crash_costs_one_message_and_that_ends_in_the_dead_letter_queue(
    server: SqsServer, start_worker: StartWorker, python_program: str
) -> None:
    dead = Queue(server)
    queue = Queue(server, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "3"}))
    queue.send("a", "poison", "b", "c")
    flags = ("--concurrency", "4", "--retry-seconds", "0", "--wait-seconds", "1")
    worker = start_worker(queue, "--serve", python_program, *flags)
    until(lambda: dead.depth() == (1, 0) and queue.depth() == (0, 0), 60, "the poison was not moved, or another stayed")
    assert sorted(worker.events("started")) == sorted(["a", "b", "c", *["poison"] * 3])
    errors = [line["error"] for line in worker.lines("handler failed")]
    assert errors == ["the program was ended by SIGKILL"] * 3
    queue.send("d")
    until(lambda: "d" in worker.events("started"), 60, "the worker did not continue")


@side_by_side
def test_programs_that_outlast_the_grace_are_ended(
    queue: Queue, start_worker: StartWorker, python_program: str
) -> None:
    queue.send("sleep a", "sleep b")
    worker = start_worker(queue, "--serve", python_program, "--grace-seconds", "1")
    worker.until_events(2, "started")
    started = children(worker)
    worker.signal()
    assert worker.wait() == 0
    assert queue.depth() == (2, 0)
    assert not any(map(runs, started))


def test_idle_programs_end_with_a_worker_that_is_killed(
    moto_queue: Queue, start_worker: StartWorker, python_program: str
) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, "--serve", python_program)
    until(lambda: worker.state()["processed"] == 1, 60, "the message was not handled")
    started = children(worker)
    worker.signal(signal.SIGKILL)
    until(lambda: not any(map(runs, started)), 60, "a program has not seen the end of its input")


def test_a_program_that_fails_at_its_start_fails_the_worker_and_says_why() -> None:
    code, text = refused_start(*GOOD[:2], "--serve", "sh -c 'echo no database >&2; exit 3'")
    assert code == 1
    assert "no database" in text
    assert "the program ended with exit code 3" in text
