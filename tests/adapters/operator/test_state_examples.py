"""The examples of workers in other languages: their /state, read by the operator's own adapter while they work on real
messages, and their signatures, which no stand-in for SQS checks."""

import asyncio
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from devcluster.processes import free_port
from devcluster.sqs import REGION, MotoSqs
from queueworkerpool.model import Pod, ScaleTarget
from queueworkerpool.workers.states import WorkerStates
from tests.adapters.operator.conftest import until
from tests.serving import serving

EXAMPLES = Path(__file__).parents[3] / "examples" / "state"
LOOPBACK = "127.0.0.1"

HANDLER = """
import { access, appendFile } from 'node:fs/promises'
export async function handle(body) {
  await appendFile(process.env.DONE, `${body}\\n`)
  while (true) { try { await access(process.env.GATE); return } catch { await new Promise(r => setTimeout(r, 20)) } }
}
"""
COMMAND = 'cat >>"$DONE"; echo >>"$DONE"; until [ -e "$GATE" ]; do sleep 0.02; done'
"""Both write the message down and work until the gate opens."""

Start = Callable[[str, dict[str, str]], subprocess.Popen[bytes]]


@pytest.fixture(params=["worker.sh", "worker.mjs"])
def argv(request: pytest.FixtureRequest, tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> list[str]:
    """The command line of each example."""
    handler = tmp_path / "handler.mjs"
    handler.write_text(HANDLER)
    own = {
        "worker.sh": [str(EXAMPLES / "worker.sh"), "sh", "-c", COMMAND],
        "worker.mjs": ["node", str(EXAMPLES / "worker.mjs"), str(handler)],
    }
    tools = {"worker.sh": ("bash", "curl", "jq", "socat"), "worker.mjs": ("node",)}[request.param]
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        unavailable(f"{request.param} needs {', '.join(missing)} (Debian: bash, curl, jq, socat, nodejs)")
    return own[request.param]


@contextmanager
def running(argv: list[str], tmp_path: Path, variables: dict[str, str]) -> Iterator[int]:
    """Run the example meanwhile; the body gets the port of its /state. It must end by itself at SIGTERM."""
    port = free_port()
    own = {
        "STATE_PORT": str(port),
        "STATE_HOST": LOOPBACK,
        "DONE": str(tmp_path / "done"),
        "GATE": str(tmp_path / "gate"),
    }
    env = {"PATH": os.environ["PATH"], "AWS_REGION": REGION, **own, **variables}
    program = subprocess.Popen(argv, env=env, start_new_session=True)
    try:
        yield port
        program.terminate()
        assert program.wait(60) == 0
    finally:
        program.kill()
        program.wait()


@pytest.fixture
async def states() -> AsyncIterator[WorkerStates]:
    asking = WorkerStates()
    yield asking
    await asking.close()


async def test_the_state_shows_whether_a_message_is_being_worked_on(
    argv: list[str], tmp_path: Path, moto_sqs: MotoSqs, states: WorkerStates
) -> None:
    client = moto_sqs.client()
    url = client.create_queue(QueueName=f"example-{tmp_path.name}"[:80])["QueueUrl"]

    async def becomes(port: int, busy: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            state = await states.ask(ScaleTarget("shop", "jobs"), Pod(name="jobs-1", uid="1", address=LOOPBACK), port)
            if state and (state.busy, state.concurrency) == (busy, 1):
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"the worker did not become {'busy' if busy else 'idle'}")

    with running(argv, tmp_path, moto_sqs.env | {"QUEUE_URL": url}) as port:
        await until(lambda: listening(port), "no /state is served")
        await becomes(port, busy=0)
        client.send_message(QueueUrl=url, MessageBody="one")
        await until((tmp_path / "done").exists, "the message was not taken")
        await becomes(port, busy=1)
        (tmp_path / "gate").touch()
        await becomes(port, busy=0)
        await until(lambda: left(moto_sqs, url) == 0, "the message was not deleted")
    assert (tmp_path / "done").read_text().split() == ["one"]


def test_the_requests_are_signed_as_aws_wants_it(argv: list[str], tmp_path: Path) -> None:
    requests: list[tuple[dict[str, str], bytes]] = []
    came = threading.Event()

    class Recorder(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            came.set()
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/+", "AWS_SESSION_TOKEN": "token="}
    with serving(HTTPServer((LOOPBACK, 0), Recorder)) as address:
        endpoint = f"http://{address}"
        with running(argv, tmp_path, {"AWS_ENDPOINT_URL_SQS": endpoint, "QUEUE_URL": "http://x/1/q", **keys}):
            assert came.wait(60)
    headers, body = requests[0]
    assert headers["authorization"].rpartition("Signature=")[2] == signature(endpoint, headers, body, keys)


def signature(endpoint: str, headers: dict[str, str], body: bytes, keys: dict[str, str]) -> str:
    """What botocore makes of the same request."""
    signed = re.findall(r"SignedHeaders=([^,]+)", headers["authorization"])[0].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(signed)
    request = AWSRequest("POST", f"{endpoint}/", {name: headers[name] for name in signed}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(*keys.values()), "sqs", REGION)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def listening(port: int) -> bool:
    return (
        subprocess.run(
            ["bash", "-c", f": >/dev/tcp/{LOOPBACK}/{port}"], stderr=subprocess.DEVNULL, check=False
        ).returncode
        == 0
    )


def left(sqs: MotoSqs, url: str) -> int:
    counts = sqs.client().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])
