"""Processes that calculate end with the one that called them, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CALLED = """
import time

def long(number: int) -> None:
    print(number, flush=True)
    time.sleep(600)
"""
CALLER = """
if __name__ == "__main__":
    from called import long
    from queueplanner.processes import Processes
    with Processes(2) as processes:
        list(processes.results(long, 2))
"""
WAIT_SECONDS = 60.0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_they_end_in_the_midst_of_a_call_when_the_caller_is_killed(how: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "called.py").write_text(CALLED)
    (tmp_path / "caller.py").write_text(CALLER)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    with subprocess.Popen(
        [sys.executable, "caller.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as caller:
        assert caller.stdout
        assert {caller.stdout.readline(), caller.stdout.readline()} == {"0\n", "1\n"}
        caller.send_signal(how)
        assert caller.communicate(timeout=WAIT_SECONDS)[0] == ""  # it waits until nobody has this output any more
