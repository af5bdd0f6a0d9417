"""A queue on the developer's own machine: finds or starts an SQS server, and makes the queue. `run --local` calls it.

It talks to loopback addresses alone, and never to AWS: it refuses any other endpoint, and overrides whatever would
lead past it.
"""

import importlib.util
import ipaddress
import json
import logging
import os
import shlex
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from queueaddress import is_fifo
from queueworker.errors import SqsError, UsageError
from queueworker.tools.forks import run_forked

DEFAULT_NAME: Final = "jobs"
MAX_RECEIVE_COUNT: Final = 3
"""After so many receives a message goes to the dead-letter queue."""
ELASTICMQ_PORT: Final = 9324
_HOST: Final = "127.0.0.1"
_CONNECT_SECONDS: Final = 0.3
_REGION: Final = "us-east-1"
_DUMMY: Final = "local"

NOTHING_THERE: Final = (
    "there is no SQS server on this machine: start ElasticMQ (docker run -p 9324:9324 softwaremill/elasticmq-native),"
    " or install moto's server beside queueworker (pip install 'moto[server]'), or set AWS_ENDPOINT_URL_SQS to one"
)


@dataclass(frozen=True, slots=True)
class LocalServer:
    """An SQS server on this machine."""

    endpoint: str
    described: str
    """For people."""


def find_server(environment: Mapping[str, str]) -> LocalServer:
    """Return the server of AWS_ENDPOINT_URL_SQS, else ElasticMQ, else start moto's.

    Raises:
        UsageError: there is none, or the endpoint is not on this machine.
    """
    if endpoint := environment.get("AWS_ENDPOINT_URL_SQS"):
        if not is_loopback(endpoint):
            raise UsageError(f"--local never leaves this machine, and AWS_ENDPOINT_URL_SQS is {endpoint}: unset it")
        return LocalServer(endpoint, f"the server of AWS_ENDPOINT_URL_SQS, {endpoint}")
    if _answers(ELASTICMQ_PORT):
        return LocalServer(f"http://{_HOST}:{ELASTICMQ_PORT}", f"ElasticMQ on port {ELASTICMQ_PORT}")
    if importlib.util.find_spec("moto") and importlib.util.find_spec("flask"):
        port = _start_moto()
        return LocalServer(
            f"http://{_HOST}:{port}", f"moto on port {port}, started for this run; its messages end with it"
        )
    raise UsageError(NOTHING_THERE)


def is_loopback(url: str) -> bool:
    """Return whether a URL is one of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_CONNECT_SECONDS)
        return probe.connect_ex((_HOST, port)) == 0


def _start_moto() -> int:
    """Start moto's server in a process that ends with this one; return its port."""
    read_end, write_end = os.pipe()
    run_forked(lambda: _serve_moto(write_end))
    os.close(write_end)
    with os.fdopen(read_end) as port:
        return int(port.read())


def _serve_moto(port_pipe: int) -> None:
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 -- in this process alone

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=_HOST, port=0, verbose=False)
    server.start()
    os.write(port_pipe, str(server.get_host_and_port()[1]).encode())
    os.close(port_pipe)
    threading.Event().wait()


def local_environment(environment: Mapping[str, str], endpoint: str) -> dict[str, str]:
    """Return the variables with which a process reaches the server and nothing else: credentials are made up."""
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or _REGION
    exempt = [environment.get(name, "") for name in ("NO_PROXY", "no_proxy")]
    hosts = ",".join(filter(None, [*exempt, _HOST, "localhost"]))
    return {
        "AWS_ENDPOINT_URL_SQS": endpoint,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": environment.get("AWS_ACCESS_KEY_ID") or _DUMMY,
        "AWS_SECRET_ACCESS_KEY": environment.get("AWS_SECRET_ACCESS_KEY") or _DUMMY,
        "NO_PROXY": hosts,
        "no_proxy": hosts,
    }


class Account(Protocol):
    """Where queues are made; see `SqsAccount`."""

    def find_or_create(self, name: str, attributes: Mapping[str, str]) -> str:
        """Return the URL of the queue of a name."""

    def arn(self, url: str) -> str:
        """Return a queue's ARN."""


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue, and the one that what fails goes to."""

    url: str
    dead_letter_url: str


def make_queue(account: Account, name_or_url: str) -> LocalQueue:
    """Return a queue of a name, which is made if it is not there, beside a dead-letter queue.

    Raises:
        UsageError: it is a URL of another machine.
        SqsError: the server did not make it.
    """
    if "/" in name_or_url and not is_loopback(name_or_url):
        raise UsageError(f"--local never leaves this machine: for --queue write a name instead of {name_or_url}")
    name = name_or_url.rpartition("/")[2]
    kind = {"FifoQueue": "true"} if is_fifo(name) else {}
    stem, fifo, _ = name.partition(".fifo")
    dead = account.find_or_create(f"{stem}-dead{fifo}", kind)
    policy = {"deadLetterTargetArn": account.arn(dead), "maxReceiveCount": MAX_RECEIVE_COUNT}
    return LocalQueue(account.find_or_create(name, kind | {"RedrivePolicy": json.dumps(policy)}), dead)


def explanations(server: LocalServer, queue: LocalQueue, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what a developer needs to know: where messages are, and how to send one."""
    yield f"local SQS: {server.described}"
    yield f"queue: {queue.url}"
    yield f"what fails {MAX_RECEIVE_COUNT} times, or is rejected, goes to: {queue.dead_letter_url}"
    yield f"send a message: {send_command(server.endpoint, queue.url, environment['AWS_REGION'])}"


def send_command(endpoint: str, queue_url: str, region: str) -> str:
    """Return a command for a shell that sends a message. Local servers check no signature, but one reads the region."""
    scope = f"{_DUMMY}/20260101/{region}/sqs/aws4_request"
    headers = (
        "Content-Type: application/x-amz-json-1.0",
        "X-Amz-Target: AmazonSQS.SendMessage",
        f"Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    )
    body = json.dumps({"QueueUrl": queue_url, **message("hello", queue_url)})
    options = [part for header in headers for part in ("-H", header)]
    return shlex.join(["curl", "-sS", endpoint.rstrip("/") + "/", *options, "-d", body])


def message(body: str, queue_url: str) -> dict[str, Any]:
    """Return the parameters of a message; in a FIFO queue all are in one group."""
    fields = {"MessageBody": body}
    return fields | (
        {"MessageGroupId": _DUMMY, "MessageDeduplicationId": uuid.uuid4().hex} if is_fifo(queue_url) else {}
    )


def send_from(path: str, queue_url: str, send: Callable[[str, Mapping[str, Any]], None]) -> None:
    """Send the lines of a file, or of standard input (-), from a process of its own, as they come.

    Args:
        path: of the file.
        queue_url: where they go.
        send: sends a message to a queue.
    """

    def work() -> None:
        try:
            with sys.stdin if path == "-" else Path(path).open(encoding="utf-8") as lines:
                send_lines(lines, lambda body: send(queue_url, message(body, queue_url)))
        except SqsError as error:
            sys.stderr.write(f"not all lines were sent: {error}\n")

    run_forked(work, reads_terminal=path == "-")


def send_lines(lines: Iterable[str], send: Callable[[str], None]) -> None:
    """Send each line as a message, as it comes; empty ones are left out."""
    for line in lines:
        if body := line.rstrip("\r\n"):
            send(body)
