"""The commands that people use by hand, as processes of their own."""

import json
import os
import subprocess
import sys
import uuid
from typing import Any, TextIO

from devcluster.sqs import SqsServer
from tests.adapters.worker.conftest import PROGRAMS, ROOT, Queue

TIMEOUT_SECONDS = 60


def environment(server: SqsServer, **env: str) -> dict[str, str]:
    """Return the environment of a command that uses a server."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QUEUEWORKER_", "AWS_"))}
    path = os.pathsep.join(map(str, (ROOT / "worker", ROOT / "common", PROGRAMS)))
    return clean | server.env | {"PYTHONPATH": path, **env}


def start(server: SqsServer, *arguments: str, **env: str) -> "subprocess.Popen[str]":
    """Start a command."""
    argv = [sys.executable, "-m", "queueworker", *arguments]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(argv, env=environment(server, **env), text=True, **streams)


def finished(server: SqsServer, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    with start(server, *arguments, **env) as process:
        out, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)


def finished_into(output: TextIO, server: SqsServer, *arguments: str) -> tuple[int, str]:
    """Run a command with this standard output to its end; return its exit code and its standard error."""
    argv = [sys.executable, "-m", "queueworker", *arguments]
    streams: dict[str, Any] = {"stdout": output, "stderr": subprocess.PIPE}
    done = subprocess.run(argv, env=environment(server), text=True, timeout=TIMEOUT_SECONDS, check=False, **streams)
    return done.returncode, done.stderr


def dead_letters(server: SqsServer, *, suffix: str = "", receives: int = 3, **attributes: str) -> tuple[Queue, Queue]:
    """Return a dead-letter queue, and the queue whose redrive policy names it."""
    name = uuid.uuid4().hex[:12]
    dead = Queue(server, f"dead-{name}{suffix}", **attributes)
    return dead, source_of(dead, suffix=suffix, receives=receives, **attributes)


def source_of(dead: Queue, *, suffix: str = "", receives: int = 3, **attributes: str) -> Queue:
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": receives})
    return Queue(dead.server, f"jobs-{uuid.uuid4().hex[:12]}{suffix}", RedrivePolicy=policy, **attributes)
