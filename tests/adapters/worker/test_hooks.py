"""Start-up and shutdown hooks, middleware and the context of log lines, in real workers and their children."""

import signal

import pytest

from tests.adapters.worker.conftest import Queue, StartWorker, Worker, until

OPENED = ["open_first", "open_client"]
CLOSED = ["close_first", "close_client"]
HANDLERS = {
    "threads": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle"),
    "coroutines": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle_async"),
    "isolated": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle", "--isolate"),
    "isolated coroutines": ("--wait-seconds", "1", "--handler", "hooked_handlers:handle_async", "--isolate"),
}
IN_PROCESS = {name: flags for name, flags in HANDLERS.items() if "--isolate" not in flags}
every_kind = pytest.mark.parametrize("flags", HANDLERS.values(), ids=HANDLERS)
in_process = pytest.mark.parametrize("flags", IN_PROCESS.values(), ids=IN_PROCESS)
ONE_AT_A_TIME = ("--concurrency", "1")


def starting(worker: Worker, hook: str) -> None:
    until(lambda: hook in worker.events("hanging"), 20, f"{hook} does not run: {worker.log.read_text()}")


@every_kind
def test_hooks_and_middleware_run_in_order_around_the_messages(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, *flags, *ONE_AT_A_TIME)
    worker.until_events(4)
    worker.signal()
    assert worker.wait() == 0
    assert worker.events() == [*OPENED, "before_a", "after_a", *CLOSED]
    assert moto_queue.depth() == (0, 0)


@every_kind
def test_middleware_sees_a_retry_and_the_message_comes_again(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    moto_queue.send("ask-again")
    worker = start_worker(moto_queue, *flags, *ONE_AT_A_TIME)
    worker.until_events(6)
    assert worker.events()[2:] == ["before_ask-again", "Retry", "before_ask-again", "after_ask-again"]


@every_kind
def test_lines_that_are_logged_while_a_message_is_handled_say_which(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    moto_queue.client.send_message(
        QueueUrl=moto_queue.url,
        MessageBody="a",
        MessageAttributes={"traceparent": {"DataType": "String", "StringValue": "00-1-2-01"}},
    )
    worker = start_worker(moto_queue, *flags)
    worker.until_events(4)
    lines = worker.lines("in the shop") + worker.lines("in a task")
    assert len(lines) == (2 if "hooked_handlers:handle_async" in flags else 1)
    for line in lines:
        assert line["message_id"]
        assert (line["queue"], line["traceparent"]) == (moto_queue.url, "00-1-2-01")
    assert "message_id" not in worker.lines("worker started")[0]


@every_kind
@pytest.mark.parametrize("hook", OPENED)
def test_a_failed_start_up_takes_no_message_and_ends_the_worker(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...], hook: str
) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, *flags, BROKEN=hook)
    assert worker.wait() == 1
    (line,) = worker.lines("start-up hook failed")
    assert (line["hook"], line["error"]) == (f"hooked_handlers.{hook}", f"RuntimeError: {hook} is broken")
    assert line["traceback"].endswith(f"RuntimeError: {hook} is broken")
    assert moto_queue.depth() == (1, 0)
    assert worker.events() == OPENED[: OPENED.index(hook)], "neither a message nor a shutdown hook"


@every_kind
@pytest.mark.parametrize("hook", OPENED)
def test_while_start_up_runs_the_worker_lives_is_not_ready_and_ends_at_a_signal(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...], hook: str
) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, *flags, HANGING=hook)
    starting(worker, hook)
    assert worker.get("/livez")[0] == 200
    assert worker.get("/readyz")[0] == 503
    worker.signal()
    assert worker.wait(5) == 0
    assert moto_queue.depth() == (1, 0)


@every_kind
@pytest.mark.parametrize("hook", CLOSED)
def test_a_shutdown_hook_that_hangs_hangs_nothing_else(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...], hook: str
) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, *flags, "--grace-seconds", "1", HANGING=hook)
    worker.until_events(4)
    worker.signal()
    starting(worker, hook)
    assert worker.wait(10) == 0
    assert worker.lines("shutdown hooks cut off")
    assert moto_queue.depth() == (0, 0)


@every_kind
def test_a_further_signal_cuts_shutdown_hooks_off(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    worker = start_worker(moto_queue, *flags, "--grace-seconds", "60", HANGING="close_first")
    worker.until_ready()
    worker.signal()
    starting(worker, "close_first")
    worker.signal(signal.SIGINT)
    assert worker.wait(5) == 0


@every_kind
def test_a_shutdown_hook_that_fails_changes_neither_the_exit_code_nor_the_others(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    worker = start_worker(moto_queue, *flags, BROKEN="close_first")
    worker.until_ready()
    worker.signal()
    assert worker.wait() == 0
    assert worker.events()[-1] == "close_client"
    (line,) = worker.lines("shutdown hook failed")
    assert line["hook"] == "hooked_handlers.close_first"


@in_process
def test_shutdown_hooks_run_although_a_handler_outlasts_the_grace_period(
    moto_queue: Queue, start_worker: StartWorker, flags: tuple[str, ...]
) -> None:
    moto_queue.send("sleep 60")
    worker = start_worker(moto_queue, *flags, "--grace-seconds", "1")
    worker.until_events(1, "started")
    worker.signal()
    assert worker.wait() == 0
    assert worker.events()[-2:] == CLOSED
    assert moto_queue.depth() == (1, 0)
