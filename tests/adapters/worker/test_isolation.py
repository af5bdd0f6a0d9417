"""What handlers in child processes cost when they crash, leak or outlive the worker: one message, not the worker."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest

from devcluster.sqs import SqsServer
from queueworker import Message
from queueworker.handlers.isolation import IsolatedHandler
from queueworker.handlers.process_pool import HandlerFailedError
from tests.adapters.worker.conftest import ROOT, Queue, StartWorker, Worker, side_by_side, until
from tests.adapters.worker.test_command_line import GOOD, refused_start


def children(worker: Worker) -> list[int]:
    """The child processes of a worker."""
    found: list[int] = []
    for tasks in Path(f"/proc/{worker.process.pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            found += map(int, tasks.read_text().split())
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends while it is read
        return False


@pytest.mark.parametrize("handler", ["record", "record_async"])
@side_by_side
def test_messages_are_handled_once_each_and_the_children_end_with_the_worker(
    queue: Queue, start_worker: StartWorker, handler: str
) -> None:
    bodies = [f"m{i}" for i in range(60)]
    queue.send(*bodies)
    worker = start_worker(queue, "--handler", f"job_handlers:{handler}", "--isolate", "--concurrency", "3")
    worker.until_events(60)
    started = children(worker)
    assert 1 <= len(started) <= 3, "children are reused"
    worker.signal()
    assert worker.wait() == 0
    assert sorted(worker.events()) == sorted(bodies)
    assert queue.depth() == (0, 0)
    until(lambda: not any(map(runs, started)), 60, "a child outlived the worker")


@side_by_side
def test_a_crash_costs_one_message_and_that_ends_in_the_dead_letter_queue(
    server: SqsServer, start_worker: StartWorker
) -> None:
    dead = Queue(server)
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": "3"}
    queue = Queue(server, RedrivePolicy=json.dumps(policy))
    queue.send("a", "poison", "b", "c")
    flags = ("--isolate", "--concurrency", "4", "--retry-seconds", "0", "--wait-seconds", "1")
    worker = start_worker(queue, "--handler", "job_handlers:crash_on_poison", *flags)
    until(lambda: dead.depth() == (1, 0) and queue.depth() == (0, 0), 60, "the poison was not moved, or another stayed")
    assert sorted(worker.events("started")) == sorted(["a", "b", "c", *["poison"] * 3])
    assert worker.process.poll() is None
    lines = worker.lines("handler failed")
    assert [line["error"] for line in lines] == ["the handler's process was ended by SIGKILL"] * 3
    queue.send("d")
    until(lambda: "d" in worker.events(), 60, "the worker did not continue")


@side_by_side
def test_without_isolation_the_pool_survives_a_poison_that_kills_its_workers(
    server: SqsServer, start_worker: StartWorker
) -> None:
    dead = Queue(server)
    policy = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": "3"}
    queue = Queue(server, VisibilityTimeout="3", RedrivePolicy=json.dumps(policy))
    queue.send("poison")
    flags = ("--handler", "job_handlers:crash_on_poison", "--visibility-seconds", "3", "--wait-seconds", "1")
    for _ in range(3):
        worker = start_worker(queue, *flags)  # as the kubelet does
        assert worker.wait() == -signal.SIGKILL
    successor = start_worker(queue, *flags)
    until(lambda: dead.depth() == (1, 0), 60, "the poison did not reach the dead-letter queue")
    assert successor.process.poll() is None
    assert successor.events("started") == ["poison"] * 3


def test_a_child_that_leaks_is_replaced_after_its_message(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("1")
    worker = start_worker(moto_queue, "--handler", "job_handlers:grow", "--isolate", "--concurrency", "1")
    worker.until_events(1)
    for body in ("300", "1"):
        done = len(worker.events())
        moto_queue.send(body)
        worker.until_events(done + 1)
    first, leaking, next_one = worker.events()
    assert first == leaking != next_one
    assert worker.state()["failed"] == 0


@side_by_side
def test_children_that_outlast_the_grace_are_ended(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("a 60", "b 60")
    worker = start_worker(queue, "--handler", "job_handlers:sleep", "--isolate", "--grace-seconds", "1")
    worker.until_events(2, "started")
    started = children(worker)
    worker.signal()
    assert worker.wait() == 0
    assert queue.depth() == (2, 0)
    assert not any(map(runs, started))


def test_children_end_with_a_worker_that_is_killed(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("a 600")
    worker = start_worker(moto_queue, "--handler", "job_handlers:sleep", "--isolate")
    worker.until_events(1, "started")
    started = children(worker)
    assert started
    worker.kill()
    until(lambda: not any(map(runs, started)), 60, "a child continued although nobody extends its message")


def test_a_handler_that_cannot_be_loaded_fails_the_start(tmp_path: Path) -> None:
    assert refused_start(*GOOD[:2], "--handler", "job_handlers:nope", "--isolate")[0] == 2
    (tmp_path / "broken_handlers.py").write_text("raise RuntimeError('at import')\n")
    path = os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", tmp_path)))
    code, text = refused_start(*GOOD[:2], "--handler", "broken_handlers:f", "--isolate", PYTHONPATH=path)
    assert code == 1
    assert "at import" in text


@side_by_side
def test_a_child_that_dies_and_leaves_a_process_frees_its_slot(queue: Queue, start_worker: StartWorker) -> None:
    queue.send("die")
    flags = ("--isolate", "--concurrency", "1", "--retry-seconds", "600", "--grace-seconds", "1")
    worker = start_worker(queue, "--handler", "job_handlers:leave_a_child", *flags)
    until(lambda: bool(worker.lines("handler failed")), 60, "the death of the child is not noticed")
    assert worker.lines("handler failed")[0]["error"] == "the handler's process was ended by SIGKILL"
    queue.send("a")
    worker.until_events(1)


def test_what_a_child_asks_about_messages_that_are_done_concerns_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = """
        from queueworker import Message, MessageLostError

        seen = []

        def handle(messages: list[Message]) -> None:
            seen.append(messages)
            for message in seen[0]:
                if message in messages:
                    continue
                assert message.cancelled
                try:
                    message.extend(60)
                except MessageLostError:
                    continue
                raise AssertionError("another message was extended")
    """
    (tmp_path / "keeping.py").write_text(dedent(module))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", tmp_path))))
    first, second, third = (Message(each, "", each) for each in ("m0", "m1", "m2"))
    handler = IsolatedHandler("keeping:handle", "info", "json")
    assert handler.start_up()
    try:
        handler([first, second])
        handler([third])
    finally:
        handler.shut_down()


def test_a_child_of_which_a_task_calls_exit_costs_that_message_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = """
        import asyncio
        import sys

        async def leave():
            sys.exit(3)

        async def handle(message):
            if message.body == "exit":
                await asyncio.create_task(leave())
    """
    (tmp_path / "leaving.py").write_text(dedent(module))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", tmp_path))))
    handler = IsolatedHandler("leaving:handle", "info", "json")
    assert handler.start_up()
    try:
        with pytest.raises(HandlerFailedError, match="SystemExit: 3"):
            handler(Message("m0", "exit", "m0"))
        for number in range(1, 4):
            handler(Message(f"m{number}", "", f"m{number}"))
    finally:
        handler.shut_down()
