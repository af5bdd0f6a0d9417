"""Programs of --serve that break the protocol: the message fails with a sentence, and the next gets a new program."""

import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from queueworker.errors import UsageError
from queueworker.handlers import processes, programs
from queueworker.handlers.process_pool import HandlerFailedError, ProcessLostError
from queueworker.handlers.programs import ProgramHandler
from queueworker.model import InterruptedWorkError, Message, MessageLostError, Reject, Retry
from tests.adapters.worker.conftest import until

PROGRAM = """
import json, os, signal, subprocess, sys, time
def say(**line): print(json.dumps(line), flush=True)
say(ready=True)
for line in sys.stdin:
    message = json.loads(line)
    id, body = message["id"], message["body"]
    if body != "good":
        {fault}
    say(id=id, success=True)
"""
"""A program that handles messages, and does something else with one whose body is not good."""


def written(folder: Path, fault: str) -> str:
    """Write a program; return its command."""
    path = folder / "program.py"
    path.write_text(PROGRAM.format(fault=fault.replace("\n", "\n        ")))
    return shlex.join([sys.executable, "-ISu", str(path)])


@contextmanager
def serving(command: str) -> Iterator[ProgramHandler]:
    handler = ProgramHandler(command)
    assert handler.start_up()
    try:
        yield handler
    finally:
        handler.stop()
        handler.shut_down()


def message(body: str = "bad") -> Message:
    return Message("m-1", body, "handle")


GOES_ON = "os.close(1); time.sleep(60)"

FAULTS: dict[str, tuple[str, str]] = {
    "a stray print": ("print('loading')", "the program was ended: .* no JSON object in UTF-8: 'loading'"),
    "an answer for another": ("say(id='m-0', success=True)", "it has message m-1, and answers another"),
    "no answer in an answer": ("say(id=id)", "an answer has one of the keys"),
    "a byte that is no text": ("sys.stdout.buffer.write(b'\\xff\\n')", "no JSON object in UTF-8: '�'"),
    "a line without an end": ("print('x' * 70_000, end='', flush=True)", "it wrote too long a line: 'xxx"),
    "an end within a line": (
        "print('{\"id\":', end=''); sys.exit()",
        "the program ended with exit code 0, within a line: '{\"id\":'",
    ),
    "an answer whose line does not end": (
        "print(json.dumps({'id': id, 'success': True}), end=''); sys.exit()",
        "ended with exit code 0, within a line",
    ),
    "an exit": ("sys.exit(3)", "the program ended with exit code 3$"),
    "a crash": ("os.kill(os.getpid(), signal.SIGKILL)", "the program was ended by SIGKILL$"),
    "an exit a moment after the end of its output": (
        "os.close(1); time.sleep(0.2); os._exit(4)",
        "the program ended with exit code 4$",
    ),
    "the end of its output": (GOES_ON, "it has closed its standard output$"),
    "a death that leaves a process": (
        "subprocess.Popen(['sleep', '60'], start_new_session=True); os._exit(5)",
        "the program ended with exit code 5$",
    ),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_fails_its_message_and_the_next_gets_a_new_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, expected: str
) -> None:
    if fault != GOES_ON:
        monkeypatch.setattr(processes, "TERMINATION_TIMEOUT_SECONDS", 15.0)  # a program may be slow to end
    with serving(written(tmp_path, fault)) as handler:
        handler(message("good"))
        began = time.monotonic()
        with pytest.raises(ProcessLostError, match=expected):
            handler(message())
        assert time.monotonic() - began < 20, "it waits for what the program has left, or for its end"
        handler(message("good"))


@pytest.mark.parametrize(
    "fault",
    ["say(id=id, success=True)", "say(id=id, success=True)\nprint('hello')\ncontinue"],
    ids=["two answers", "a print after the answer"],
)
def test_what_comes_after_an_answer_ends_the_program_and_fails_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    with serving(written(tmp_path, fault)) as handler:
        (first,) = handler._all
        handler(message())
        until(lambda: not first.usable(), 60, "nobody notices what the program has written")
        handler(message("good"))
        assert first not in handler._all
    assert {record.getMessage() for record in caplog.records} == {"program ended for lines that nobody asked for"}


def test_a_body_is_sent_whole_while_the_program_reads_slowly(tmp_path: Path) -> None:
    answer = "say(id=id, failure=str(len(body)))\ncontinue"
    with serving(written(tmp_path, answer)) as handler, pytest.raises(HandlerFailedError, match="1048576"):
        handler(message("\n" * 1024 * 1024))


@pytest.mark.parametrize("leaves", ["", "sleep 60 & "], ids=["alone", "and leaves a process that holds its input"])
def test_a_program_that_never_reads_its_input_and_ends(leaves: str) -> None:
    command = f"""sh -c 'exec 3<&0; echo "{{\\"ready\\":true}}"; {leaves}sleep 0.2; exit 6'"""
    with (
        serving(command) as handler,
        pytest.raises(ProcessLostError, match="the program ended with exit code 6"),
    ):
        handler(message("x" * 1024 * 1024))


def test_a_program_that_writes_and_writes_instead_of_reading() -> None:
    command = """sh -c 'echo "{\\"ready\\":true}"; sleep 0.1; exec yes'"""
    with serving(command) as handler, pytest.raises(ProcessLostError, match="too long a line: 'y"):
        handler(message("x" * 1024 * 1024))


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("echo hello", "its first line must be .*ready.*, and is 'hello'|no JSON object"),
        ("exit 3", "the program ended with exit code 3"),
        ("echo '{}'; sleep 30", 'its first line must be {"ready": true}'),
    ],
)
def test_a_program_that_does_not_get_ready_fails_the_start(program: str, expected: str) -> None:
    with pytest.raises(ProcessLostError, match=expected):
        ProgramHandler(shlex.join(["sh", "-c", program]))


def test_what_cannot_be_started_is_refused(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("not a program")
    (tmp_path / "program").chmod(0o755)
    with pytest.raises(UsageError, match=r"--serve: .*program cannot be started: Exec format error"):
        ProgramHandler(str(tmp_path / "program"))


def test_a_program_that_is_slow_to_get_ready_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "READY_WARNING_SECONDS", 0.0)
    with serving("""sh -c 'sleep 1.2; echo "{\\"ready\\":true}"; read line'"""):
        (record,) = caplog.records
    assert record.getMessage() == "program has not said yet that it is ready"


@dataclass
class FakeHandle:
    """The handle of a message whose extension is confirmed or not, and whose work must be done then."""

    remaining: float = 60.0
    lost: bool = False
    extensions: list[int] = field(default_factory=list)

    def extend(self, seconds: int) -> None:
        self.extensions.append(seconds)
        if self.lost:
            raise MessageLostError("gone")

    def remaining_seconds(self) -> float:
        return self.remaining


@pytest.mark.parametrize("lost", [False, True])
def test_a_program_may_extend_its_message(tmp_path: Path, lost: bool) -> None:
    fault = (
        "say(id=id, extend=90)\nconfirmed = json.loads(sys.stdin.readline())\n"
        "say(id=id, failure=f\"{confirmed['extended']} {confirmed['deadline'] - time.time():.0f}\")\ncontinue"
    )
    handle = FakeHandle(lost=lost)
    with (
        serving(written(tmp_path, fault)) as handler,
        pytest.raises(HandlerFailedError, match=rf"^{not lost} (60|5\d)"),
    ):
        handler(message().with_handle(handle))
    assert handle.extensions == [90]


def test_a_program_that_has_not_answered_long_after_the_deadline_is_ended(tmp_path: Path) -> None:
    handle = FakeHandle(remaining=-1.0 - programs.MAX_OVERDUE_SECONDS)
    with (
        serving(written(tmp_path, "time.sleep(60)")) as handler,
        pytest.raises(ProcessLostError, match="it has not answered by the deadline of its message"),
    ):
        handler(message().with_handle(handle))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("retry=7.6", Retry(8)),
        ("reject='no such customer'", Reject("no such customer")),
        ("failure='out of paper'", HandlerFailedError("out of paper")),
    ],
)
def test_an_answer_becomes_what_a_handler_raises(tmp_path: Path, answer: str, expected: Exception) -> None:
    with serving(written(tmp_path, f"say(id=id, {answer})\ncontinue")) as handler:
        with pytest.raises(type(expected)) as raised:
            handler(message())
        assert raised.value.args == expected.args
        handler(message("good"))
        assert len(handler._all) == 1, "the program goes on"


def test_the_end_of_the_worker_interrupts_a_program_that_ignores_it(tmp_path: Path) -> None:
    ignores = tmp_path / "ignores"
    fault = f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(ignores)!r}, 'w').close()\ntime.sleep(60)"

    def stop_soon() -> None:
        until(ignores.exists, 60, "the program was not given its message")
        handler.stop()

    with serving(written(tmp_path, fault)) as handler:
        stopping = threading.Thread(target=stop_soon)
        stopping.start()
        with pytest.raises(InterruptedWorkError):
            handler(message())
        stopping.join()
        with pytest.raises(InterruptedWorkError):
            handler(message("good"))


@pytest.mark.parametrize(
    ("at_the_end", "code", "patience"),
    [("sys.exit(7)", 7, 60.0), ("time.sleep(60)", -signal.SIGTERM, 2.0)],
    ids=["it ends", "it does not"],
)
def test_an_idle_program_should_end_when_its_input_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_the_end: str, code: int, patience: float
) -> None:
    monkeypatch.setattr(processes, "TERMINATION_TIMEOUT_SECONDS", patience)
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.format(fault="pass") + at_the_end)
    handler = ProgramHandler(shlex.join([sys.executable, "-ISu", str(path)]))
    assert handler.start_up()
    (program,) = handler._all
    handler(message("good"))
    handler.shut_down()
    assert program.process.returncode == code
