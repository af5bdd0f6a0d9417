"""A stand-in for SQS that only counts: it answers GetQueueAttributes from given depths, and records each call.

On demand it refuses requests for some queues, does not answer them, or late, or breaks their connections. It is a
process of its own (`counting_sqs.py PORT`), so that its CPU time is not the operator's, and a bare asyncio protocol
that needs little CPU time. It keeps no messages and checks no signature. `CountingSqs` is its client: it starts the
process, sets depths by PUT /depths, breaks and mends queues by PUT /broken and fetches the calls by GET /calls.
"""

import asyncio
import http.client
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devcluster.processes import Program, free_port, wait_until

REGION = "eu-west-1"
ACCOUNT = "123456789012"
START_TIMEOUT_SECONDS = 60
SLOW_ANSWER_SECONDS = 3.0
_OK = b"200 OK"
_BAD_REQUEST = b"400 Bad Request"


def queue_url(queue: str) -> str:
    """Return the URL by which a pool names the queue."""
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"


class Fault(StrEnum):
    """How a queue fails to answer."""

    SILENT = "silent"  # the request is received, and no answer ever comes
    DEAD = "dead"  # the connection is reset
    SLOW = "slow"  # the answer comes after SLOW_ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class Late:
    """An answer that is sent after SLOW_ANSWER_SECONDS."""

    body: Any


class Refusal(StrEnum):
    """How SQS refuses to read a queue: the code of its answer."""

    MISSING = "com.amazonaws.sqs#QueueDoesNotExist"
    DENIED = "com.amazonaws.sqs#AccessDeniedException"
    THROTTLED = "com.amazonaws.sqs#RequestThrottled"


class Counters:
    """Depths by queue name, and when each queue was read (seconds of the machine's monotonic clock)."""

    def __init__(self) -> None:
        self.depths: dict[str, int] = {}
        self.broken: dict[str, str] = {}
        self.calls: defaultdict[str, list[float]] = defaultdict(list)

    def answer(self, method: bytes, path: bytes, body: bytes) -> tuple[bytes, Any]:
        """Return the status and the JSON body for one request."""
        if method == b"POST":
            return self._attributes(json.loads(body))
        if (method, path) == (b"PUT", b"/depths"):
            self.depths.update(json.loads(body))
            return _OK, time.monotonic()
        if (method, path) == (b"PUT", b"/broken"):
            changed = self.broken | json.loads(body)
            self.broken = {queue: kind for queue, kind in changed.items() if kind}
            return _OK, None
        if (method, path) == (b"GET", b"/calls"):
            return _OK, self.calls
        return _BAD_REQUEST, {"message": "there is only POST /, PUT /depths, PUT /broken and GET /calls"}

    def _attributes(self, request: Mapping[str, Any]) -> tuple[bytes, Any]:
        queue = str(request["QueueUrl"]).rpartition("/")[2]
        self.calls[queue].append(time.monotonic())
        kind = self.broken.get(queue) or ("" if queue in self.depths else Refusal.MISSING)
        if kind in {Fault.SILENT, Fault.DEAD}:
            return _BAD_REQUEST, Fault(kind)
        if kind and kind != Fault.SLOW:
            return _BAD_REQUEST, {"__type": kind, "message": "refused"}
        attributes = {
            "ApproximateNumberOfMessages": str(self.depths[queue]),
            "ApproximateNumberOfMessagesNotVisible": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
        }
        found = {"Attributes": {name: attributes[name] for name in request["AttributeNames"] if name in attributes}}
        return _OK, Late(found) if kind == Fault.SLOW else found


class _Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection: as much of the protocol as boto3 and `CountingSqs` need."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while request := self._next_request():
            status, answer = self._counters.answer(*request)
            if answer is Fault.SILENT:
                continue
            if answer is Fault.DEAD:
                self._transport.abort()
                return
            if isinstance(answer, Late):  # a client of this connection has one request under way
                asyncio.get_running_loop().call_later(SLOW_ANSWER_SECONDS, self._send, status, answer.body)
                continue
            self._send(status, answer)

    def _send(self, status: bytes, answer: object) -> None:
        body = json.dumps(answer).encode()
        head = b"HTTP/1.1 %b\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)

    def _next_request(self) -> tuple[bytes, bytes, bytes] | None:
        """Remove one complete request from the received bytes; return method, path and body."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        lines = bytes(self._received[:end]).split(b"\r\n")
        headers = dict(line.lower().split(b":", 1) for line in lines[1:])
        request_end = end + 4 + int(headers.get(b"content-length", b"0"))
        if len(self._received) < request_end:
            return None
        body = bytes(self._received[end + 4 : request_end])
        del self._received[:request_end]
        method, path, _ = lines[0].split(b" ")
        return method, path, body


class CountingSqs:
    """Runs the server as a program; a context manager."""

    def __init__(self, log: Path) -> None:
        self._port = free_port()
        self._program = Program([sys.executable, __file__, str(self._port)], log)

    def __enter__(self) -> Self:
        self._program.start()
        wait_until(
            self._answers, START_TIMEOUT_SECONDS, f"the counting server did not start; its log is {self._program.log}"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.kill()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._program.pid

    @property
    def env(self) -> dict[str, str]:
        """The environment that points a process's AWS library here."""
        return {
            "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": REGION,
        }

    def set_depths(self, depths: Mapping[str, int]) -> float:
        """Set the visible messages of these queues, all at once; return when, by the monotonic clock."""
        return float(self._request("PUT", "/depths", json.dumps(depths)))

    def break_queues(self, broken: Mapping[str, Fault | Refusal | None]) -> None:
        """Make requests for these queues fail from now on, or succeed again: None."""
        self._request("PUT", "/broken", json.dumps(broken))

    def mend_queues(self, *queues: str) -> None:
        """Answer requests for these queues again."""
        self._request("PUT", "/broken", json.dumps(dict.fromkeys(queues)))

    def calls(self) -> dict[str, list[float]]:
        """Return when each queue was read, by the monotonic clock."""
        return dict(self._request("GET", "/calls"))

    def _answers(self) -> bool:
        self._program.check()
        try:
            return self.calls() is not None
        except (OSError, http.client.HTTPException):
            return False

    def _request(self, method: str, path: str, body: str | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


async def _serve(port: int) -> None:
    counters = Counters()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(counters), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
