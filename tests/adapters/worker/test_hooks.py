"""Start-up and shutdown hooks, middleware, log lines and cancellation, in real workers and their children."""

import inspect
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from devcluster.sqs import SqsServer
from tests.adapters.worker.conftest import ROOT, Queue, StartWorker, Worker, until
from tests.adapters.worker.test_command_line import GOOD, refused_start

OPENED = ["open_first", "open_client"]
CLOSED = ["close_first", "close_client"]
HANDLERS = {
    "threads": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle"),
    "coroutines": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle_async"),
    "isolated": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle", "--isolate"),
    "isolated coroutines": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle_async", "--isolate"),
}
ONE_AT_A_TIME = ("--concurrency", "1")


def every_kind(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test with each kind of handler at the same time, each with a queue of its own: most of it is waiting."""

    def run(kind: str, server: SqsServer, arguments: dict[str, Any]) -> None:
        try:
            test(queue=Queue(server), flags=HANDLERS[kind], **arguments)
        except BaseException as error:
            error.add_note(f"with {kind}")
            raise

    @wraps(test)
    def all_kinds(moto_sqs: SqsServer, **arguments: Any) -> None:
        with ThreadPoolExecutor(len(HANDLERS)) as pool:
            runs = [pool.submit(run, kind, moto_sqs, arguments) for kind in HANDLERS]
        for finished in runs:
            finished.result()

    kind = inspect.Parameter.KEYWORD_ONLY
    own = [each.replace(kind=kind) for each in inspect.signature(test).parameters.values()]
    fixtures = [inspect.Parameter("moto_sqs", kind), *(each for each in own if each.name not in {"queue", "flags"})]
    all_kinds.__signature__ = inspect.Signature(fixtures)  # type: ignore[attr-defined]  # pytest reads the fixtures from it
    return all_kinds


def starting(worker: Worker, hook: str) -> None:
    until(lambda: hook in worker.events("hanging"), 60, f"{hook} does not run: {worker.log.read_text()}")


@every_kind
def test_hooks_and_middleware_run_in_order_around_the_messages(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("a")
    worker = start_worker(queue, *flags, *ONE_AT_A_TIME)
    worker.until_events(4)
    worker.signal()
    assert worker.wait() == 0
    assert worker.events() == [*OPENED, "before_a", "after_a", *CLOSED]
    assert queue.depth() == (0, 0)


@every_kind
def test_middleware_sees_a_retry_and_the_message_comes_again(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("ask-again")
    worker = start_worker(queue, *flags, *ONE_AT_A_TIME)
    worker.until_events(6)
    assert worker.events()[2:] == ["before_ask-again", "Retry", "before_ask-again", "after_ask-again"]


@every_kind
def test_lines_that_are_logged_while_a_message_is_handled_say_which(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.client.send_message(
        QueueUrl=queue.url,
        MessageBody="a",
        MessageAttributes={"traceparent": {"DataType": "String", "StringValue": "00-1-2-01"}},
    )
    worker = start_worker(queue, *flags)
    worker.until_events(4)
    lines = worker.lines("in the shop") + worker.lines("in a task")
    assert len(lines) == (2 if "hooked_handlers:handle_async" in flags else 1)
    for line in lines:
        assert line["message_id"]
        assert (line["queue"], line["traceparent"]) == (queue.url, "00-1-2-01")
    assert "message_id" not in worker.lines("worker started")[0]


@pytest.mark.parametrize("hook", OPENED)
@every_kind
def test_a_failed_start_up_takes_no_message_and_ends_the_worker(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...], hook: str
) -> None:
    queue.send("a")
    worker = start_worker(queue, *flags, BROKEN=hook)
    assert worker.wait() == 1
    (line,) = worker.lines("start-up hook failed")
    assert (line["hook"], line["error"]) == (f"hooked_handlers.{hook}", f"RuntimeError: {hook} is broken")
    assert line["traceback"].endswith(f"RuntimeError: {hook} is broken")
    assert queue.depth() == (1, 0)
    assert worker.events() == OPENED[: OPENED.index(hook)], "neither a message nor a shutdown hook"


@every_kind
def test_while_start_up_runs_the_worker_lives_is_not_ready_and_ends_at_a_signal(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("a")
    worker = start_worker(queue, *flags, "--grace-seconds", "600", HANGING="open_client")
    starting(worker, "open_client")
    assert worker.get("/livez")[0] == 200
    assert worker.get("/readyz")[0] == 503
    worker.signal()
    assert worker.wait() == 0
    assert queue.depth() == (1, 0)


@every_kind
def test_a_shutdown_hook_that_hangs_hangs_nothing_else(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("a")
    worker = start_worker(queue, *flags, "--grace-seconds", "1", HANGING="close_client")
    worker.until_events(4)
    worker.signal()
    starting(worker, "close_client")
    assert worker.wait() == 0
    assert worker.lines("shutdown hooks cut off")
    assert queue.depth() == (0, 0)


@every_kind
def test_a_further_signal_cuts_shutdown_hooks_off(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    worker = start_worker(queue, *flags, "--grace-seconds", "600", HANGING="close_first")
    worker.until_ready()
    worker.signal()
    starting(worker, "close_first")
    worker.signal(signal.SIGINT)
    assert worker.wait() == 0


@every_kind
def test_a_shutdown_hook_that_fails_changes_neither_the_exit_code_nor_the_others(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    worker = start_worker(queue, *flags, BROKEN="close_first")
    worker.until_ready()
    worker.signal()
    assert worker.wait() == 0
    assert worker.events()[-1] == "close_client"
    (line,) = worker.lines("shutdown hook failed")
    assert line["hook"] == "hooked_handlers.close_first"


@every_kind
def test_shutdown_hooks_run_although_a_handler_outlasts_the_grace_period(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    queue.send("sleep 60")
    worker = start_worker(queue, *flags, "--grace-seconds", "1")
    worker.until_events(1, "started")
    worker.signal()
    assert worker.wait() == 0
    # A child with a handler that does not stop is ended in the middle of it.
    assert (worker.events()[-2:] == CLOSED) is (flags != HANDLERS["isolated"])
    assert queue.depth() == (1, 0)


def test_children_that_do_not_start_cost_no_message_an_attempt(
    moto_queue: Queue, start_worker: StartWorker, tmp_path: Path
) -> None:
    outage = tmp_path / "outage"
    flags = (*HANDLERS["isolated"], *ONE_AT_A_TIME, "--retry-seconds", "600")
    worker = start_worker(moto_queue, *flags, BROKEN="open_first", BROKEN_WHILE=str(outage))
    worker.until_ready()
    outage.touch()
    moto_queue.send("die")
    until(lambda: bool(worker.lines("handler failed")), 60, "the death of the child is not noticed")
    moto_queue.send("a")
    until(lambda: len(worker.lines("start-up hook failed")) >= 2, 60, "no further child is started")
    assert worker.state()["busy"] == 1
    outage.unlink()
    until(lambda: "after_a" in worker.events(), 60, "no child was started after the outage")
    assert worker.lines("in the shop")[-1]["receive_count"] == 1
    line, *_ = worker.lines("process for the handler did not start")
    assert line["error"] == "the handler's process ended with exit code 1"
    assert len(worker.lines("handler failed")) == 1


@pytest.mark.parametrize(("how", "depth"), [("raise", (1, 0)), ("return", (0, 0))])
@every_kind
def test_a_handler_that_sees_that_it_is_cancelled_may_stop_or_finish(
    queue: Queue, start_worker: StartWorker, flags: tuple[str, ...], how: str, depth: tuple[int, int]
) -> None:
    queue.send(f"until-cancelled {how}")
    worker = start_worker(queue, *flags, "--grace-seconds", "1")
    worker.until_events(1, "started")
    worker.signal()
    assert worker.wait() == 0
    outcome = "after_until-cancelled" if how == "return" else "CancelledError"
    assert worker.events()[2:] == ["before_until-cancelled", f"cancelled-{how}", outcome, *CLOSED]
    assert queue.depth() == depth
    assert not worker.lines("handler failed")


@every_kind
def test_a_second_signal_cancels_at_once(queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]) -> None:
    queue.send("until-cancelled raise")
    worker = start_worker(queue, *flags, "--grace-seconds", "600")
    worker.until_events(1, "started")
    worker.signal()
    until(lambda: worker.state()["draining"], 60, "the worker does not drain")
    worker.signal()
    assert worker.wait() == 0
    assert "cancelled-raise" in worker.events()
    assert queue.depth() == (1, 0)


REFUSED = {
    "a hook that needs an argument": (
        "@queueworker.on_startup\ndef connect(url): ...\n",
        "on_startup refused_handlers.connect is called without arguments: missing a required argument: 'url'",
    ),
    "middleware without a yield": (
        "@queueworker.middleware\ndef timed(message): ...\n",
        "middleware refused_handlers.timed has no yield: it must yield once, where the handler runs",
    ),
    "async middleware around a plain function": (
        "@queueworker.middleware\nasync def timed(message): yield\n",
        "middleware refused_handlers.timed is async, and handler refused_handlers.handle is not",
    ),
}


@pytest.mark.parametrize("more", [(), ("--isolate",)], ids=["in the worker", "isolated"])
@pytest.mark.parametrize(("registered", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_at_the_start(
    tmp_path: Path, registered: str, expected: str, more: tuple[str, ...]
) -> None:
    module = f"import queueworker\n\n{registered}\ndef handle(message): ...\n"
    (tmp_path / "refused_handlers.py").write_text(module)
    path = os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", tmp_path)))
    code, text = refused_start(*GOOD[:2], "--handler", "refused_handlers:handle", *more, PYTHONPATH=path)
    assert code == 2
    assert expected in " ".join(text.split())
