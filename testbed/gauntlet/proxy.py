"""SQS and the sources of credentials as the workers see them: an honest server behind a proxy that `faults` rules.

It writes down what became of every request about every message. A worker is known by its access key, which is its name:
the stand-in for STS, and the one for an agent of containers, give it that. ElasticMQ takes no groups in a standard
queue, so the proxy adds them to the messages of a fair one.
"""

import http.client
import json
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from devcluster.sqs import SqsServer
from testbed.gauntlet.faults import AFTER, CredentialFault, EntryFault, Fault, Faults
from testbed.gauntlet.records import Action, Request
from testbed.sts import granted, refused

SLOW_SECONDS = (0.5, 2.0)
HANGING_SECONDS = 10.0
IDLE_SECONDS = 20.0
"""A connection to the honest server is not used again after so long: it closes idle ones after a minute, and that
would be a fault that nobody has chosen."""

LATE_SECONDS = (1.0, 4.0)
LONG_LIFE_SECONDS = (905, 930)
"""botocore asks for new credentials 900 s before the end of those it has."""

SHORT_LIFE_SECONDS = (3, 8)
FAIR_QUEUE = "fair"
"""What the URL of a fair queue contains."""

PAGE = b"<html><body>Something went wrong</body></html>"
CODES = {
    Fault.UNAUTHORIZED: 401,
    Fault.FORBIDDEN: 403,
    Fault.TOO_MANY: 429,
    Fault.FAILED: 500,
    Fault.UNAVAILABLE: 503,
}
REFUSALS = {
    CredentialFault.DENIED: (403, "AccessDenied"),
    CredentialFault.THROTTLED: (400, "Throttling"),
    CredentialFault.FAILED: (503, "ServiceUnavailable"),
}
_KEY = re.compile(r"Credential=([^/]+)/")
_PASSED_ON = ("Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date", "X-Amzn-Query-Mode")


class Proxy:
    """The server; `requests` is what became of each request about each message, in no order.

    Args:
        server: The honest one.
        faults: What goes wrong.
        visibility_seconds: For how long workers hide messages; no release hides them for as long.
    """

    def __init__(self, server: SqsServer, faults: Faults, visibility_seconds: int) -> None:
        self.server = server
        self.faults = faults
        self.visibility_seconds = visibility_seconds
        self.requests: list[Request] = []
        self.messages: dict[str, str] = {}
        """The message of each receipt handle."""
        self.numbered: dict[tuple[str, int], str] = {}
        """The same, by group and number."""
        self.endpoint = ""

    @contextmanager
    def serving(self) -> Iterator["Proxy"]:
        """Serve at `endpoint` while the body runs."""
        server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=partial(server.serve_forever, 0.1), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: workers are killed while they talk to us."""


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _upstream: http.client.HTTPConnection | None = None
    _upstream_used = 0.0

    def do_GET(self) -> None:
        """Give credentials as the agent of a container does."""
        self._give_credentials(self.path.rpartition("/")[2], _agent_credentials)

    def do_POST(self) -> None:
        """Serve STS or SQS."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/sts/"):
            self._give_credentials(self.path.split("/")[2], _sts_credentials)
            return
        found = _KEY.search(self.headers["Authorization"])
        worker, body = found[1] if found else "", json.loads(content)
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        _Exchange(self, worker, operation, body).run()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def finish(self) -> None:
        """Close the connection to the honest server as well."""
        if self._upstream:
            self._upstream.close()
        super().finish()

    def send(self, status: int, content: bytes, kind: str = "application/x-amz-json-1.0", cut: int = 0) -> None:
        """Send an answer; `cut` is how many bytes of it are held back, and the connection then ends."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) - cut])
        self.close_connection = bool(cut)

    def reset(self) -> None:
        """End the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def hang(self) -> None:
        """Answer nothing until the worker gives up."""
        select.select([self.connection], [], [], HANGING_SECONDS)
        self.close_connection = True

    def pass_on(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask the honest server."""
        if self._upstream is None or time.monotonic() > self._upstream_used + IDLE_SECONDS:
            if self._upstream:
                self._upstream.close()
            address = urlsplit(self.proxy.server.endpoint)
            self._upstream = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        headers = {name: self.headers[name] for name in _PASSED_ON if self.headers[name]}
        self._upstream.request("POST", "/", json.dumps(body).encode(), headers)
        answer = self._upstream.getresponse()
        content = answer.read()
        self._upstream_used = time.monotonic()
        return answer.status, json.loads(content or b"{}")

    def _give_credentials(self, worker: str, make: Any) -> None:
        faults, begun = self.proxy.faults, time.monotonic()
        fault = faults.of_credentials(worker, begun)
        if fault is CredentialFault.LATE:
            time.sleep(faults.seconds(*LATE_SECONDS))
        if fault:
            done = time.monotonic()
            request = Request(
                worker=worker, action=Action.CREDENTIALS, time=begun, done=done, fault=fault, applied=False
            )
            self.proxy.requests.append(request)
        if fault in REFUSALS:
            status, code = REFUSALS[fault]
            self.send(status, refused(code, "no").encode(), "text/xml")
        elif fault is CredentialFault.GARBLED:
            self.send(200, PAGE, "text/html")
        elif fault is CredentialFault.RESET:
            self.reset()
        else:
            short = faults.short_lived(worker, begun)
            lifetime = timedelta(seconds=faults.seconds(*(SHORT_LIFE_SECONDS if short else LONG_LIFE_SECONDS)))
            self.send(200, *make(worker, lifetime))


def _sts_credentials(worker: str, lifetime: timedelta) -> tuple[bytes, str]:
    return granted("AssumeRoleWithWebIdentity", worker, lifetime).encode(), "text/xml"


def _agent_credentials(worker: str, lifetime: timedelta) -> tuple[bytes, str]:
    expires = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": worker, "SecretAccessKey": "s", "Token": "token", "Expiration": expires}
    return json.dumps(keys).encode(), "application/json"


class _Exchange:
    """One request to SQS and its answer."""

    def __init__(self, handler: _Handler, worker: str, operation: str, body: dict[str, Any]) -> None:
        self._handler = handler
        self._proxy = handler.proxy
        self._worker = worker
        self._operation = operation
        self._body = body
        self._begun = time.monotonic()
        self._fault = self._proxy.faults.of_request(worker, self._begun)

    def run(self) -> None:
        """Do to the request what the dice say, and write it down."""
        if self._fault is Fault.SLOW:
            time.sleep(self._proxy.faults.seconds(*SLOW_SECONDS))
        if self._fault is None or self._fault is Fault.SLOW or self._fault in AFTER:
            self._ask()
        else:
            self._write_down(self._body.get("Entries", ()), set(), self._fault)
            self._refuse()

    def _ask(self) -> None:
        entries = self._body.get("Entries", [])
        faults = {entry["Id"]: fault for entry in entries if (fault := self._proxy.faults.of_entry(self._worker))}
        passed = [entry for entry in entries if entry["Id"] not in faults]
        status: int = http.client.OK
        answer: dict[str, Any] = {"Successful": []}
        if passed or not entries:
            status, answer = self._handler.pass_on(self._body | ({"Entries": passed} if entries else {}))
        confirmed = {entry["Id"] for entry in answer.get("Successful", ())}
        for entry in entries:
            self._write_down([entry], confirmed, faults.get(entry["Id"]) or self._fault)
        if not entries:
            self._write_down((), set(), self._fault)
        self._write_down_received(answer)
        if faults and status == http.client.OK:
            refusals = [_refusal(name, fault) for name, fault in faults.items()]
            answer = answer | {"Failed": [*answer.get("Failed", ()), *refusals]}
        self._answer(status, answer)

    def _write_down(self, entries: Sequence[dict[str, Any]], confirmed: set[str], fault: str | None) -> None:
        done = time.monotonic()
        for entry in entries:
            seconds = entry.get("VisibilityTimeout", 0)
            receipt = entry["ReceiptHandle"]
            action = Action.EXTEND if seconds == self._proxy.visibility_seconds else Action.RELEASE
            request = Request(
                worker=self._worker,
                action=Action.DELETE if self._operation == "DeleteMessageBatch" else action,
                message=self._proxy.messages.get(receipt, ""),
                time=self._begun,
                done=done,
                seconds=seconds,
                fault=fault or "",
                applied=entry["Id"] in confirmed,
                receipt=receipt,
            )
            self._proxy.requests.append(request)
        if self._operation == "SendMessage" and fault:
            self._write_down_sent(done, fault)

    def _write_down_sent(self, done: float, fault: str) -> None:
        plan = json.loads(self._body["MessageBody"])
        request = Request(
            worker=self._worker,
            action=Action.SEND,
            message=self._proxy.numbered[plan["group"], plan["number"]],
            time=self._begun,
            done=done,
            fault=fault,
        )
        self._proxy.requests.append(request)

    def _write_down_received(self, answer: dict[str, Any]) -> None:
        done = time.monotonic()
        for message in answer.get("Messages", ()):
            plan = json.loads(message["Body"])
            self._proxy.messages[message["ReceiptHandle"]] = message["MessageId"]
            self._proxy.numbered[plan["group"], plan["number"]] = message["MessageId"]
            if FAIR_QUEUE in self._body["QueueUrl"]:
                message["Attributes"]["MessageGroupId"] = plan["group"]
            request = Request(
                worker=self._worker,
                action=Action.RECEIVE,
                message=message["MessageId"],
                time=self._begun,
                done=done,
                seconds=self._body["VisibilityTimeout"],
                fault=self._fault if self._fault in AFTER and self._fault else "",
                receipt=message["ReceiptHandle"],
            )
            self._proxy.requests.append(request)

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        with suppress(OSError):  # the worker is gone
            if self._fault is Fault.RESET_AFTER:
                self._handler.reset()
            elif self._fault is Fault.HANGING_AFTER:
                self._handler.hang()
            elif self._fault is Fault.TRUNCATED:
                self._handler.send(status, content, cut=max(1, len(content) // 2))
            elif self._fault is Fault.GARBLED:
                self._handler.send(200, PAGE, "text/html")
            else:
                self._handler.send(status, content)

    def _refuse(self) -> None:
        with suppress(OSError):
            if self._fault is Fault.RESET_BEFORE:
                self._handler.reset()
            elif self._fault is Fault.HANGING_BEFORE:
                self._handler.hang()
            elif self._fault is Fault.THROTTLED:
                self._handler.send(400, b'{"__type": "com.amazonaws.sqs#RequestThrottled"}')
            elif self._fault:
                self._handler.send(CODES[self._fault], PAGE, "text/html")


def _refusal(name: str, fault: EntryFault) -> dict[str, Any]:
    sender = fault is EntryFault.SENDER
    return {"Id": name, "SenderFault": sender, "Code": "InvalidParameterValue" if sender else "InternalError"}
