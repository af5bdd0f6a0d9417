"""Several queues in one process: they share its handlers by weight, none waits for a slow or broken one."""

import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devcluster.sqs import ElasticMq
from queueworker.errors import AccessDeniedError, QueueNotFoundError, SqsError, ThrottledError
from tests.adapters.worker.conftest import Queue, StartWorker, Worker, until
from tests.adapters.worker.proxy import Proxy

SLEEP = ("--handler", "job_handlers:sleep")
RECORD = ("--handler", "job_handlers:record", "--wait-seconds", "1")


def also(*queues: Queue | str) -> tuple[str, ...]:
    """Return flags for more queues, with a weight where they are written with one."""
    return tuple(flag for queue in queues for flag in ("--queue", queue if isinstance(queue, str) else queue.url))


def of_queue(worker: Worker, queue: Queue) -> dict[str, float]:
    """Return what the worker's state says of a queue."""
    return dict(worker.state()["queues"][queue.name])


@contextmanager
def without(queue: Queue) -> Iterator[None]:
    """Delete a queue, and make it again at the end."""
    queue.client.delete_queue(QueueUrl=queue.url)
    yield
    Queue(queue.server, name=queue.name)


@pytest.mark.parametrize("handler", ["sleep", "sleep_async"])
def test_two_queues_that_are_full_share_the_handlers_by_weight(
    elasticmq: ElasticMq, start_worker: StartWorker, handler: str
) -> None:
    light, heavy = Queue(elasticmq), Queue(elasticmq)
    for queue in (light, heavy):
        queue.send(*(f"m{number} 0.5" for number in range(300)))
    flags = ("--handler", f"job_handlers:{handler}", "--concurrency", "8")
    worker = start_worker(light, *flags, *also(f"{heavy.url},3"))
    states = []
    for number in (20, 120):  # the queue that answers first has had more slots until then
        until(lambda number=number: worker.state()["processed"] >= number, 60, f"{number} messages were not handled")  # type: ignore[misc]  # mypy cannot express such a default
        states.append(worker.state())
    assert states[-1]["queues"][heavy.name]["processed"] < 290, "there are still messages in both"
    spent = [
        states[-1]["queues"][queue.name]["busySeconds"] - states[0]["queues"][queue.name]["busySeconds"]
        for queue in (heavy, light)
    ]
    assert spent[0] / spent[1] == pytest.approx(3, rel=0.2)
    assert all(state["busy"] <= 8 for state in states)


def test_a_queue_uses_the_handlers_that_others_leave_idle(elasticmq: ElasticMq, start_worker: StartWorker) -> None:
    empty, full = Queue(elasticmq), Queue(elasticmq)
    full.send(*(f"m{number} 60" for number in range(10)))
    worker = start_worker(empty, *SLEEP, "--concurrency", "6", "--grace-seconds", "0", *also(full))
    worker.until_events(5, "started")
    assert of_queue(worker, full)["busy"] == 5, "all but the one that is reserved for the other queue"


@pytest.mark.parametrize("handler", ["sleep", "sleep_async"])
def test_a_queue_of_slow_messages_stops_no_other(elasticmq: ElasticMq, start_worker: StartWorker, handler: str) -> None:
    slow, fast = Queue(elasticmq), Queue(elasticmq)
    slow.send(*(f"s{number} 600" for number in range(20)))
    flags = ("--handler", f"job_handlers:{handler}", "--concurrency", "4", "--grace-seconds", "0")
    worker = start_worker(slow, *flags, *also(fast))
    worker.until_events(3, "started")
    fast.send(*(f"f{number} 0" for number in range(30)))
    worker.until_events(30)
    assert of_queue(worker, slow)["busy"] == 3
    until(lambda: fast.depth() == (0, 0), 60, "a message of the fast queue was not deleted")
    worker.signal()
    assert worker.wait() == 0
    assert (slow.depth(), fast.depth()) == ((20, 0), (0, 0))


def test_a_queue_gets_its_share_back_as_the_others_messages_end(
    elasticmq: ElasticMq, start_worker: StartWorker
) -> None:
    first, second = Queue(elasticmq), Queue(elasticmq)
    first.send(*(f"a{number} 1" for number in range(200)))
    worker = start_worker(first, *SLEEP, "--concurrency", "6", "--grace-seconds", "0", *also(second))
    worker.until_events(5, "started")
    second.send(*(f"b{number} 60" for number in range(20)))
    until(lambda: of_queue(worker, second)["busy"] == 3, 60, "the second queue has less than its share")
    until(lambda: of_queue(worker, first)["busy"] == 3, 60, "the first queue has less than its share")


def test_a_missing_queue_stops_no_other_and_is_named(elasticmq: ElasticMq, start_worker: StartWorker) -> None:
    missing, good = Queue(elasticmq), Queue(elasticmq)
    good.send(*(f"m{number} 600" for number in range(4)))
    with without(missing):
        worker = start_worker(missing, *SLEEP, "--concurrency", "4", "--grace-seconds", "0", *also(good))
        worker.until_events(3, "started")
        until(lambda: len(worker.lines("receive failed")) >= 2, 60, "the failure was not logged twice")
        assert worker.get("/readyz") == (503, f"SQS has not answered yet for {missing.name}\n")
    (line, *_) = worker.lines("receive failed")
    assert (line["reason"], line["queue"]) == (QueueNotFoundError.reason, missing.url)
    missing.send("found 0")
    worker.until_events(1)
    worker.until_ready()


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDenied", AccessDeniedError), ("RequestThrottled", ThrottledError)],
    ids=["denied", "throttled"],
)
def test_a_queue_that_sqs_refuses_backs_off_alone(
    elasticmq: ElasticMq, start_worker: StartWorker, code: str, error: type[SqsError]
) -> None:
    refused, good = Queue(elasticmq), Queue(elasticmq)
    with Proxy(elasticmq).serving() as proxy:
        proxy.fail_request_of = lambda _, url: code if url == refused.url else None
        flags = (*RECORD, "--concurrency", "2", *also(good))
        worker = start_worker(refused, *flags, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
        for number in range(8):  # one after the other: each has to be received anew
            good.send(f"m{number}")
            worker.until_events(number + 1)
        failures = worker.metric("receive_errors_total", refused, reason=error.reason)
        assert 1 <= failures <= 8, "it backs off"
        assert worker.metric("receive_errors_total", good, reason=error.reason) == 0
        proxy.fail_request_of = lambda _operation, _url: None
        refused.send("late")
        worker.until_events(9)


@contextmanager
def hanging(elasticmq: ElasticMq, queue: Queue) -> Iterator[tuple[Proxy, Callable[[], bool]]]:
    """A proxy that never answers a receive request on a queue; and whether one is waiting."""
    asked, over = threading.Event(), threading.Event()

    def hang(operation: str, url: str) -> str | None:
        if url != queue.url or operation != "ReceiveMessage":
            return None
        asked.set()
        over.wait()
        return "InternalFailure"

    with Proxy(elasticmq).serving() as proxy:
        proxy.fail_request_of = hang
        try:
            yield proxy, asked.is_set
        finally:
            over.set()


def test_a_queue_that_never_answers_stops_no_other_and_no_end(elasticmq: ElasticMq, start_worker: StartWorker) -> None:
    silent, good = Queue(elasticmq), Queue(elasticmq)
    with hanging(elasticmq, silent) as (proxy, asked):
        flags = (*RECORD, "--concurrency", "2", "--grace-seconds", "1", *also(good))
        worker = start_worker(silent, *flags, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
        until(asked, 60, "the queue was not asked")
        good.send("a", "b", "c")
        worker.until_events(3)
        until(lambda: good.depth() == (0, 0), 60, "a message was not deleted")
        worker.signal()
        assert worker.wait() == 0


def test_a_second_signal_ends_a_worker_of_which_a_queue_never_answers(
    elasticmq: ElasticMq, start_worker: StartWorker
) -> None:
    silent, good = Queue(elasticmq), Queue(elasticmq)
    good.send("a 600", "b 600")
    with hanging(elasticmq, silent) as (proxy, asked):
        flags = (*SLEEP, "--concurrency", "3", "--grace-seconds", "600", *also(good))
        worker = start_worker(silent, *flags, AWS_ENDPOINT_URL_SQS=proxy.endpoint)
        until(asked, 60, "the queue was not asked")
        worker.until_events(2, "started")
        worker.signal()
        until(lambda: worker.state()["draining"], 60, "the state does not show that the worker drains")
        worker.signal()
        assert worker.wait() == 0
        assert good.depth() == (2, 0)


@pytest.mark.parametrize("handler", ["sleep", "sleep_async"])
def test_the_drain_is_one_and_leaves_nothing_in_flight_on_any_queue(
    elasticmq: ElasticMq, start_worker: StartWorker, handler: str
) -> None:
    ending, lasting = Queue(elasticmq), Queue(elasticmq)
    fifo = Queue(elasticmq, name=f"{ending.name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    ending.send(*(f"e{number} 1" for number in range(20)))
    lasting.send(*(f"l{number} 600" for number in range(20)))
    for group in "xyz":
        fifo.send(f"{group}0 1", f"{group}1 1", MessageGroupId=group)
    flags = ("--handler", f"job_handlers:{handler}", "--concurrency", "9", "--grace-seconds", "8")
    worker = start_worker(ending, *flags, *also(lasting, fifo))
    worker.until_events(9, "started")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    started, handled = worker.events("started"), worker.events()
    assert sorted(handled) == sorted(body for body in started if not body.startswith("l"))
    (line,) = worker.lines("worker ended")
    assert (line["left_in_flight"], line["deleted"]) == (0, len(handled))
    left = {name: sum(body.startswith(name) for body in handled) for name in "exyz"}
    assert ending.depth() == (20 - left["e"], 0)
    assert lasting.depth() == (20, 0)
    assert fifo.depth() == (6 - left["x"] - left["y"] - left["z"], 0)
    assert {line["queue"] for line in worker.lines("message released")} == {lasting.url}


def test_order_is_kept_in_a_fifo_queue_beside_a_standard_one(elasticmq: ElasticMq, start_worker: StartWorker) -> None:
    standard = Queue(elasticmq)
    fifo = Queue(elasticmq, name=f"{standard.name}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    in_order = [f"f{number:02} 0.02" for number in range(20)]
    fifo.send(*in_order, MessageGroupId="one")
    standard.send(*(f"s{number} 0.02" for number in range(20)))
    worker = start_worker(standard, *SLEEP, "--concurrency", "8", *also(fifo))
    worker.until_events(40)
    assert [body for body in worker.events() if body.startswith("f")] == in_order


def test_coroutines_of_all_queues_run_on_one_event_loop(elasticmq: ElasticMq, start_worker: StartWorker) -> None:
    first, second = Queue(elasticmq), Queue(elasticmq)
    first.send("a 0")
    second.send("b 0")
    worker = start_worker(first, "--handler", "job_handlers:sleep_on_a_loop", *also(second))
    worker.until_events(2)
    names, loops = zip(*(body.split() for body in worker.events()), strict=True)
    assert sorted(names) == ["a", "b"]
    assert len(set(loops)) == 1


def test_a_command_gets_the_queue_of_its_message(elasticmq: ElasticMq, start_worker: StartWorker) -> None:
    first, second = Queue(elasticmq), Queue(elasticmq)
    first.send("x")
    second.send("x")
    script = 'echo "handled $SQS_QUEUE_URL 1" >>"$JOURNAL"'
    worker = start_worker(first, "--exec", f"sh -c {shlex.quote(script)}", *also(second))
    worker.until_events(2)
    assert sorted(worker.events()) == sorted([first.url, second.url])


def test_one_variable_names_all_queues_and_state_and_metrics_tell_them_apart(
    elasticmq: ElasticMq, start_worker: StartWorker
) -> None:
    first, second, rejected = Queue(elasticmq), Queue(elasticmq), Queue(elasticmq)
    first.send("a", "b")
    second.send("c")
    flags = ("--handler", "job_handlers:reject", "--dead-letter-queue", rejected.url)
    worker = start_worker(first, *flags, QUEUEWORKER_QUEUE=f"{first.url},2 {second.url}")
    until(lambda: worker.state()["failed"] == 3, 60, "three messages did not fail")
    until(lambda: rejected.depth() == (3, 0), 60, "the dead-letter queue does not have those of both")
    state = worker.state()
    assert (state["processed"], state["concurrency"]) == (0, 10)
    assert [state["queues"][queue.name]["failed"] for queue in (first, second)] == [2, 1]
    for name in ("messages_received_total", "messages_failed_total", "handler_duration_seconds_count"):
        assert [worker.metric(name, queue) for queue in (first, second)] == [2, 1]
    assert {line["queue"] for line in worker.lines("handler rejected")} == {first.url, second.url}
    assert worker.lines("worker started")[0]["queues"] == [first.url, second.url]
