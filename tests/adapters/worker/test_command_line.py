"""How a worker is started, how it refuses wrong usage, and what /state and /metrics show."""

import http.client
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.adapters.worker.conftest import PROGRAMS, ROOT, Queue, StartWorker, until

URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs"
GOOD = ("--queue", URL, "--handler", "job_handlers:record")


def refused_start(*flags: str, **env: str) -> tuple[int, str]:
    """Return the exit code and the output of a start that must not succeed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUEWORKER_", "AWS_"))}
    clean |= {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", PROGRAMS))),
        "HOME": "/nonexistent",
        **env,
    }
    done = subprocess.run(
        [sys.executable, "-m", "queueworker", *flags],
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("flags", "env", "expected"),
    [
        pytest.param((), {}, "Missing option '--queue'", id="no queue"),
        pytest.param(("--queue", "jobs", *GOOD[2:]), {}, "--queue 'jobs' is not a queue URL: ", id="no URL"),
        pytest.param(GOOD[:2], {}, "give exactly one of --handler", id="no handler"),
        pytest.param((*GOOD[:2], "--exec", "cat", "--isolate"), {}, "leave out --isolate", id="isolated twice"),
        pytest.param((*GOOD, "--exec", "cat"), {}, "give exactly one of --handler", id="two handlers"),
        pytest.param((*GOOD[:2], "--handler", "nope:f"), {}, "there is no module nope", id="no such module"),
        pytest.param((*GOOD[:2], "--handler", "job_handlers:g"), {}, "has no function g", id="no such function"),
        pytest.param((*GOOD[:2], "--exec", "nope-nope"), {}, "there is no such program", id="no such program"),
        pytest.param(
            (*GOOD, "--concurrency", "0"),
            {},
            "(env var: 'QUEUEWORKER_CONCURRENCY'): 0 is not in the range",
            id="no concurrency",
        ),
        pytest.param(
            (*GOOD, "--wait-seconds", "21"), {}, "'QUEUEWORKER_WAIT_SECONDS'): 21 is not in the range", id="long wait"
        ),
        pytest.param(
            (*GOOD, "--visibility-seconds", "0"), {}, "'QUEUEWORKER_VISIBILITY_SECONDS'): 0", id="no visibility"
        ),
        pytest.param((*GOOD, *GOOD[:2]), {}, "jobs' is given twice: leave one out", id="a queue given twice"),
        pytest.param(
            ("--queue", f"{URL},0", *GOOD[2:]), {}, "a whole number from 1 to 1000, as in URL,3", id="a weight of zero"
        ),
        pytest.param(
            GOOD[2:],
            {"QUEUEWORKER_QUEUE": f"{URL},2 {URL}"},
            "is given twice",
            id="a queue given twice in the variable",
        ),
        pytest.param(("run", *GOOD[2:]), {}, "Missing option '--queue'", id="no queue for a named run"),
        pytest.param(("rdrive",), {}, "there is no command 'rdrive'; did you mean 'redrive'", id="no such command"),
        pytest.param((*GOOD, "--concurency", "3"), {}, "Did you mean '--concurrency'", id="a typo in a flag"),
        pytest.param(GOOD, {"QUEUEWORKER_CONCURENCY": "3"}, "did you mean QUEUEWORKER_CONCURRENCY", id="in a variable"),
        pytest.param(GOOD, {"QUEUEWORKER_CONCURRENCY": "x"}, "'--concurrency'", id="a variable that is no number"),
        pytest.param(
            ("--queue", "http://127.0.0.1:1/1/jobs", *GOOD[2:]), {}, "names no region: set AWS_REGION", id="no region"
        ),
    ],
)
def test_wrong_usage_is_refused_with_the_fix(flags: tuple[str, ...], env: dict[str, str], expected: str) -> None:
    code, text = refused_start(*flags, **env)
    assert code == 2
    assert expected in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param(("--help",), "queueworker run --help", id="all commands"),
        pytest.param(("--queue", URL, "--help"), "[env var: QUEUEWORKER_VISIBILITY_SECONDS", id="flags without a name"),
        pytest.param(("run", "-h"), "[env var: QUEUEWORKER_VISIBILITY_SECONDS", id="flags of run"),
        pytest.param(("--version",), f"queueworker, version {version('queueworker')}", id="version"),
    ],
)
def test_the_program_explains_itself(flags: tuple[str, ...], expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "queueworker", *flags], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in " ".join(done.stdout.split())


def test_run_loads_no_other_command(moto_queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:record_modules")
    moto_queue.send("queueworker.commands.", "queueworker.tools", "queueworker.sqs.inspection")
    worker.until_events(3)
    own = "queueworker.commands.development queueworker.commands.group queueworker.commands.run"
    assert sorted(worker.events()) == ["", "", own]


def test_a_port_that_is_taken_fails_the_start(moto_queue: Queue, start_worker: StartWorker) -> None:
    first = start_worker(moto_queue, "--handler", "job_handlers:record")
    port = str(first.port)
    second = start_worker(moto_queue, "--handler", "job_handlers:record", "--state-port", port)
    assert second.wait() == 1
    assert second.lines("state port cannot be bound")[0]["port"] == int(port)


def test_variables_replace_flags(moto_queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(moto_queue, QUEUEWORKER_HANDLER="job_handlers:record", QUEUEWORKER_CONCURRENCY="7")
    assert worker.state()["concurrency"] == 7


def test_the_state_shows_how_much_is_done_and_how_long_it_took(moto_queue: Queue, start_worker: StartWorker) -> None:
    sleeping = ("--handler", "job_handlers:sleep", "--concurrency", "4", "--wait-seconds", "1")
    worker = start_worker(moto_queue, *sleeping, POD_NAME="jobs-1", POD_UID="0b1c")
    worker.until_ready()
    assert worker.state() == {
        "pod": "jobs-1",
        "uid": "0b1c",
        "busy": 0,
        "concurrency": 4,
        "draining": False,
        "processed": 0,
        "failed": 0,
        "busySeconds": 0.0,
        "oldestBusySeconds": 0.0,
        "queues": {
            moto_queue.name: {"busy": 0, "processed": 0, "failed": 0, "busySeconds": 0.0, "oldestBusySeconds": 0.0}
        },
    }
    moto_queue.send("a 0.5", "b 0.5", "c 60")
    worker.until_events(2)
    until(lambda: worker.state()["processed"] == 2, 60, "the state does not show what is done")
    until(lambda: worker.state()["oldestBusySeconds"] >= 0.4, 60, "the state does not show what still runs")
    state = worker.state()
    assert (state["busy"], state["failed"]) == (1, 0)
    assert state["busySeconds"] - state["oldestBusySeconds"] >= 0.99, "two of half a second, besides what still runs"
    assert worker.get("/readyz")[0] == 200, "a busy worker is as ready as an idle one"


def test_the_metrics_show_the_same(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("a", "b", "c")
    worker = start_worker(moto_queue, "--handler", "job_handlers:record")
    until(lambda: worker.metric("messages_deleted_total", moto_queue) == 3, 60, "three deletes are not in the metrics")
    text = worker.get("/metrics")[1]
    queue = f'queue="{moto_queue.name}"'
    for line in (
        f"queueworker_messages_received_total{{{queue}}} 3.0",
        f"queueworker_messages_started_total{{{queue}}} 3.0",
        f"queueworker_messages_succeeded_total{{{queue}}} 3.0",
        f"queueworker_messages_failed_total{{{queue}}} 0.0",
        f"queueworker_messages_stranded_total{{{queue}}} 0.0",
        f'queueworker_receive_errors_total{{{queue},reason="Throttled"}} 0.0',
        f'queueworker_handler_duration_seconds_bucket{{le="+Inf",{queue}}} 3.0',
        f"queueworker_handler_duration_seconds_count{{{queue}}} 3.0",
        f'queueworker_message_age_at_start_seconds_bucket{{le="+Inf",{queue}}} 3.0',
        f"queueworker_message_age_at_start_seconds_count{{{queue}}} 3.0",
        f"queueworker_oldest_busy_seconds{{{queue}}} 0.0",
        f"queueworker_heartbeat_lag_seconds{{{queue}}} 0.0",
        f"queueworker_groups{{{queue}}} 0.0",
        f"queueworker_busy_handlers{{{queue}}} 0.0",
        "queueworker_concurrency 10.0",
        "process_resident_memory_bytes",
    ):
        assert line in text
    assert worker.get("/nowhere") == (404, "not found: try /state, /livez, /readyz or /metrics\n")


def test_the_state_server_survives_clients_that_misbehave(moto_queue: Queue, start_worker: StartWorker) -> None:
    worker = start_worker(moto_queue, "--handler", "job_handlers:record")
    silent = [http.client.HTTPConnection("127.0.0.1", worker.port) for _ in range(10)]
    for connection in silent:
        connection.connect()
    assert worker.get("/livez") == (200, "ok\n")
    for connection in silent:
        connection.close()


def test_an_exception_in_the_handlers_module_fails_the_start_and_shows_where(tmp_path: Path) -> None:
    (tmp_path / "broken_handlers.py").write_text("raise RuntimeError('at import')\n")
    path = os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", tmp_path)))
    code, text = refused_start(*GOOD[:2], "--handler", "broken_handlers:f", PYTHONPATH=path)
    assert code == 1
    assert "at import" in text
    assert "broken_handlers.py" in text


def test_a_signal_while_the_handler_is_imported_ends_the_worker(moto_queue: Queue, start_worker: StartWorker) -> None:
    moto_queue.send("a")
    worker = start_worker(moto_queue, "--handler", "slow_import:record")
    until((worker.journal.parent / "importing").exists, 60, "the handler is not imported")
    worker.signal()
    assert worker.wait() == 0
    assert worker.lines("worker started") == []
    assert moto_queue.depth() == (1, 0)
