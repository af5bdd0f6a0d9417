"""The commands of docs/worker-tools.md work as they are written, on queues of moto."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.sqs import ElasticMq, MotoSqs
from docs.markdown import Block, marked
from tests.adapters.worker.commands import dead_letters, environment
from tests.adapters.worker.conftest import until

PAGE = Path(__file__).parents[2] / "docs" / "worker-tools.md"
BLOCKS = marked(PAGE.read_text(), "test: worker")

REASON = {"queueworker.reason": {"DataType": "String", "StringValue": "no such order"}}


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder of programs with `queueworker`, and with a `pip` that installs nothing: all is installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in {"queueworker": f'exec {sys.executable} -m queueworker "$@"', "pip": "exit 0"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_the_commands_of_the_page_work(block: Block, moto_sqs: MotoSqs, program: Path) -> None:
    dead, jobs = dead_letters(moto_sqs)
    for body in ("a", "b"):
        dead.send(body, MessageAttributes=REASON)
    env = environment(moto_sqs, DEAD=dead.url, JOBS=jobs.url)
    env["PATH"] = os.pathsep.join([str(program), env["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_for_ones_own_machine_works(elasticmq: ElasticMq, program: Path, tmp_path: Path) -> None:
    [block] = marked(PAGE.read_text(), "test: local")
    (tmp_path / "app.py").write_text("def handle(message):\n    print('handled', message.body)\n")
    env = environment(elasticmq)
    env["PATH"] = os.pathsep.join([str(program), env["PATH"]])
    argv = ["bash", "-euo", "pipefail", "-c", block.text]
    with (tmp_path / "log").open("wb") as log:
        shell = subprocess.Popen(argv, env=env, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: "handled hello" in (tmp_path / "log").read_text(), 60, "the message is not handled")
    finally:
        os.killpg(shell.pid, signal.SIGINT)
        shell.wait(60)
