"""The commands of docs/worker-tools.md work as they are written, on queues of moto."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.sqs import MotoSqs
from docs.markdown import Block, marked
from tests.adapters.worker.commands import dead_letters, environment

PAGE = Path(__file__).parents[2] / "docs" / "worker-tools.md"
BLOCKS = marked(PAGE.read_text(), "test: worker")

REASON = {"queueworker.reason": {"DataType": "String", "StringValue": "no such order"}}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_the_commands_of_the_page_work(block: Block, moto_sqs: MotoSqs, tmp_path: Path) -> None:
    dead, jobs = dead_letters(moto_sqs)
    for body in ("a", "b"):
        dead.send(body, MessageAttributes=REASON)
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    program = bin_folder / "queueworker"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m queueworker "$@"\n')
    program.chmod(0o755)
    env = environment(moto_sqs, DEAD=dead.url, JOBS=jobs.url)
    env["PATH"] = os.pathsep.join([str(bin_folder), env["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
