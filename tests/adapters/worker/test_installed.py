"""The worker as users have it: its wheel is installed, the program is called by its name, beside the user's module."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devcluster.sqs import SqsServer
from docs.markdown import Block, blocks
from docs.sbom import entries
from queueworker.commands.group import COMMANDS
from testbed.interpreters import programs_of, wheel_of
from tests.adapters.worker.conftest import ROOT, Queue, until

README = (ROOT / "worker" / "README.md").read_text()


def block(language: str, beginning: str) -> Block:
    """The README's block of code that begins so."""
    [found] = [each for each in blocks(README) if (each.language, each.text.startswith(beginning)) == (language, True)]
    return found


NEEDED = {name for name, _, _ in entries(ROOT / "requirements-worker.lock")} - {"boto3", "s3transfer"}
"""What pip installs with it: tests/supplychain/test_wheels.py compares that with what the wheel says."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has what the worker needs without extras, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    return programs_of(folder / "environment", wheel_of(ROOT / "worker", folder / "dist"), libraries=NEEDED)


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(programs: Path, moto_sqs: SqsServer, tmp_path: Path) -> Iterator[Start]:
    """Start a program of the environment in the test's folder, where `output` gets what it prints."""
    started = []

    def start(*argv: str) -> subprocess.Popen[bytes]:
        env = moto_sqs.env | {"PATH": f"{programs}{os.pathsep}/usr/bin:/bin", "QUEUEWORKER_STATE_PORT": "0"}
        env["QUEUEWORKER_STATE_HOST"] = "127.0.0.1"
        with (tmp_path / "output").open("wb") as output, (tmp_path / "log").open("wb") as log:
            started.append(subprocess.Popen(argv, cwd=tmp_path, env=env, stdout=output, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


# It prints, says so in another way, and waits until the test has looked.
PRINTING = """\
import asyncio, pathlib, sys, time
def handle(message):
    print(f"order {message.body}")
    pathlib.Path("printed").touch()
    while not pathlib.Path("seen").exists():
        time.sleep(0.01)
async def handle_async(message):
    await asyncio.to_thread(handle, message)
if __name__ == "__main__":
    import types
    handle(types.SimpleNamespace(body=sys.stdin.read()))
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_without_extras(command: str, programs: Path) -> None:
    done = subprocess.run(
        [str(programs / "queueworker"), command, "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


WAYS = {
    "a function": ("--handler", "printing:handle"),
    "a coroutine function": ("--handler", "printing:handle_async"),
    "a child process": ("--handler", "printing:handle", "--isolate"),
    "a command in Python": ("--exec", "python printing.py"),
}


@pytest.mark.parametrize("flags", WAYS.values(), ids=WAYS)
def test_what_a_handler_beside_it_prints_is_seen_at_once(
    flags: tuple[str, ...], moto_queue: Queue, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "printing.py").write_text(PRINTING)
    moto_queue.send("7")
    worker = start("queueworker", "--queue", moto_queue.url, *flags)
    until((tmp_path / "printed").exists, 60, f"nothing was printed: {(tmp_path / 'log').read_text()}")
    assert (tmp_path / "output").read_text() == "order 7\n"
    (tmp_path / "seen").touch()
    until(lambda: moto_queue.depth() == (0, 0), 60, "the message was not deleted")
    worker.terminate()
    assert worker.wait(60) == 0


def test_the_readmes_handler_does_what_it_says(moto_queue: Queue, start: Start, tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text(block("python", "import json").text)
    dead = Queue(moto_queue.server)
    moto_queue.send('{"id": 7}', '{"id": 8, "paid": false}', '{"of": "nobody"}')
    argv = shlex.split(block("sh", "queueworker").text)
    argv[argv.index("--queue") + 1] = moto_queue.url
    worker = start(*argv, "--dead-letter-queue", dead.url)
    until(lambda: (moto_queue.depth(), dead.depth()) == ((0, 1), (1, 0)), 60, (tmp_path / "log").read_text())
    worker.terminate()
    assert worker.wait(60) == 0
    assert (tmp_path / "output").read_text() == "order 7\n"
