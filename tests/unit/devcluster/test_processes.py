"""Programs start, end, restart, and never outlive us."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from devcluster import processes
from devcluster.errors import CommandFailedError, StartFailedError
from devcluster.node import leftovers
from devcluster.processes import Program, free_port, wait_until
from devcluster.progress import elapsed, running


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends while it is read
        return False


def test_a_program_can_be_stopped_and_started_again(tmp_path: Path) -> None:
    program = Program(["sleep", "1000"], tmp_path / "sleep.log")
    program.start()
    first = program.pid
    program.stop()
    assert not program.running
    program.start()
    assert program.pid != first
    program.kill()
    assert not alive(first)


def test_a_program_that_does_not_heed_sigterm_is_killed(tmp_path: Path) -> None:
    program = Program(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], tmp_path / "deaf.log")
    program.start()
    wait_until(lambda: "up" in (tmp_path / "deaf.log").read_text(), 60, "it did not come up")
    program.stop(grace_seconds=0.2)
    assert not program.running


def test_a_program_that_ended_early_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    program = Program(["sh", "-c", "echo port taken; exit 1"], tmp_path / "server.log")
    program.start()
    wait_until(lambda: not program.running, 60, "it did not end")
    with pytest.raises(StartFailedError, match=r"server ended early.*port taken"):
        program.check()


def test_a_program_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
        import pathlib, time
        from devcluster.processes import Program
        program = Program(["sleep", "1000"], pathlib.Path({str(tmp_path)!r}) / "sleep.log")
        program.start()
        print(program.pid, flush=True)
        time.sleep(1000)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not alive(child), 60, "the program outlived its parent")


def test_what_escaped_its_group_is_found_by_its_mark(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], env=leftovers.mark(tmp_path), start_new_session=True) as escaped:
        try:
            wait_until(lambda: list(leftovers.find(tmp_path)) == [escaped.pid], 60, "it was not found")
            assert list(leftovers.find(tmp_path / "another")) == []
            leftovers.end(tmp_path)
            assert escaped.wait(60)
        finally:
            escaped.kill()


def test_waiting_ends_with_a_sentence() -> None:
    with pytest.raises(StartFailedError, match="nothing came"):
        wait_until(lambda: False, 0.1, "nothing came")


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_a_port_is_not_given_to_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SERVER_PORTS", range(20_000, 20_060))
    assert len({free_port() for _ in range(40)}) == 40


def test_a_quick_step_shows_nothing_and_a_failed_one_its_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    running("quick", ["true"])
    with pytest.raises(CommandFailedError, match=r"broken failed \(exit code 3\):\nno such thing"):
        running("broken", ["sh", "-c", "echo no such thing; exit 3"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.9, "0:59"), (61, "1:01"), (754, "12:34")])
def test_elapsed_time_is_minutes_and_seconds(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text
