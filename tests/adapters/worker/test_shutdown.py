"""What a worker leaves behind when it ends: nothing that SQS counts as in flight."""

import signal
import sys
import time
import uuid
from pathlib import Path

import pytest

from devcluster.sqs import SqsServer
from tests.adapters.worker.conftest import Queue, StartWorker, Worker, side_by_side, until


@pytest.mark.parametrize("handler", ["hold", "hold_async"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@side_by_side
def test_running_handlers_finish(queue: Queue, start_worker: StartWorker, handler: str, signum: signal.Signals) -> None:
    queue.send(*(f"m{i}" for i in range(6)))
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}", "--concurrency", "4")
    worker.until_events(4, "started")
    worker.signal(signum)
    until(lambda: worker.state()["draining"], 60, "the state does not show that the worker drains")
    assert worker.get("/readyz") == (503, "draining\n")
    assert worker.get("/livez")[0] == 200
    worker.let_go()
    assert worker.wait() == 0
    assert sorted(worker.events()) == sorted(worker.events("started"))
    assert len(worker.events()) == 4
    assert queue.depth() == (2, 0)


@pytest.mark.parametrize("handler", ["sleep", "sleep_async"])
@side_by_side
def test_messages_of_handlers_that_outlast_the_grace_period_are_released(
    queue: Queue, start_worker: StartWorker, handler: str
) -> None:
    queue.send("a 60", "b 60", "c 0.5")
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}", "--grace-seconds", "5")
    worker.until_events(3, "started")
    worker.signal()
    assert worker.wait() == 0
    assert worker.events() == ["c 0.5"]
    assert queue.depth() == (2, 0)


@side_by_side
def test_a_second_signal_ends_the_grace_period(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("a 600", "b 600")
    worker = start_worker(queue, "--handler", "job_handlers:sleep", "--grace-seconds", "600")
    worker.until_events(2, "started")
    worker.signal()
    until(lambda: worker.state()["draining"], 60, "the state does not show that the worker drains")
    assert worker.process.poll() is None
    worker.signal()
    assert worker.wait() == 0
    assert queue.depth() == (2, 0)


@side_by_side
def test_an_idle_worker_ends_with_its_poll_and_leaves_none_behind(queue: Queue, start_worker: StartWorker) -> None:
    """SQS serves a poll whose client is gone: a message sent after the end must reach the next worker at once."""
    flags = ("--handler", "job_handlers:record", "--wait-seconds", "2", "--grace-seconds", "600")
    worker = start_worker(queue, *flags)
    worker.until_ready()
    worker.signal()
    assert worker.wait() == 0
    queue.send("late")
    successor = start_worker(queue, *flags)
    successor.until_events(1)
    assert successor.receives() == {"late": ["1"]}


LONG_POLL_SECONDS = 8
"""The fifth poll of an idle worker waits so long."""


def until_a_long_poll(worker: Worker) -> None:
    def polls() -> bool:
        return any(line["wait_seconds"] == LONG_POLL_SECONDS for line in worker.lines("polling"))

    until(polls, 60, "no long poll")


def test_a_second_signal_cuts_off_a_long_poll(moto_queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", "--log-level", "debug")
    until_a_long_poll(worker)
    worker.signal()
    until(lambda: worker.state()["draining"], 60, "the state does not show that the worker drains")
    began = time.monotonic()
    worker.signal()
    assert worker.wait() == 0
    assert time.monotonic() - began < LONG_POLL_SECONDS - 1, "it waits for the poll"


@side_by_side
def test_a_message_that_the_last_poll_brings_is_released_at_once(queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(queue, "--handler", "job_handlers:record", "--log-level", "debug")
    until_a_long_poll(worker)
    worker.signal()
    until(lambda: worker.state()["draining"], 60, "the state does not show that the worker drains")
    began = time.monotonic()
    queue.send("late")
    assert worker.wait() == 0
    assert time.monotonic() - began < LONG_POLL_SECONDS - 1, "it waits for the rest of the poll"
    assert worker.events() == []
    assert worker.lines("worker ended")[0]["released"] == 1
    assert queue.depth() == (1, 0)


def test_a_command_and_its_children_end_with_the_grace(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("job")
    script = (
        "import os, subprocess, time;"
        "child = subprocess.Popen(['sleep', '600']);"
        "print('started', child.pid, 1, file=open(os.environ['JOURNAL'], 'a'), flush=True);"
        "time.sleep(60)"
    )
    worker = start_worker(moto_queue, "--exec", f'{sys.executable} -c "{script}"', "--grace-seconds", "0")
    worker.until_events(1, "started")
    worker.signal()
    assert worker.wait() == 0
    assert moto_queue.depth() == (1, 0)
    child = worker.events("started")[0]
    until(lambda: not _runs(int(child)), 60, "a child of the command outlived the worker")


def _runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends while it is read
        return False


@side_by_side
def test_messages_behind_a_running_one_of_their_group_are_released_unstarted(
    server: SqsServer, start_worker: StartWorker
) -> None:
    queue = Queue(server, f"{uuid.uuid4().hex}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    queue.send(*(f"m{number}" for number in range(4)), MessageGroupId="a")
    worker = start_worker(queue, "--handler", "job_handlers:hold")
    worker.until_events(1, "started")
    worker.signal()
    until(lambda: worker.state()["draining"], 60, "the state does not show that the worker drains")
    worker.let_go()
    assert worker.wait() == 0
    assert worker.events() == ["m0"]
    assert worker.lines("worker ended")[0]["released"] >= 3, "more where the last poll receives them again"
    successor = start_worker(queue, "--handler", "job_handlers:hold")
    successor.until_events(4)
    assert successor.events() == [f"m{number}" for number in range(4)]


def test_a_poll_is_never_longer_than_the_grace_period(moto_queue: Queue, start_worker: StartWorker) -> None:
    flags = ("--grace-seconds", "1", "--log-level", "debug")
    worker = start_worker(moto_queue, "--handler", "job_handlers:record", *flags)
    until(lambda: len(worker.lines("polling")) >= 4, 60, "the worker did not poll")
    assert {line["wait_seconds"] for line in worker.lines("polling")} == {0, 1}
