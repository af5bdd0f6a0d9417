"""A proxy between workers and an SQS stand-in: records which worker has which message, and fails chosen requests.

It recognizes a worker by its access key, which signs every request.
"""

import http.client
import json
import re
import threading
import time
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devcluster.sqs import SqsServer
from tests.serving import serving

Answer = tuple[int, dict[str, Any]]
FailRequest = Callable[[str], str | None]
FailRequestOf = Callable[[str, str], str | None]
FailEntry = Callable[[str], bool]

STATUS = {"RequestThrottled": 403, "AccessDenied": 403, "QueueDoesNotExist": 400, "InternalFailure": 503}
_KEY = re.compile(r"Credential=([^/]+)/")


class Proxy:
    """One proxy. For an operation, `fail_request` may return an error code, and `fail_entry` may fail an entry.

    `fail_request_of` is asked for an operation on a queue, by its URL. While one of them waits, so does the worker.
    """

    def __init__(self, server: SqsServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._in_flight: dict[str, set[str]] = defaultdict(set)
        self.requests: Counter[tuple[str, str]] = Counter()
        """Requests by worker and operation."""
        self.fail_request: FailRequest = lambda _: None
        self.fail_request_of: FailRequestOf = lambda _operation, _url: None
        self.fail_entry: FailEntry = lambda _: False
        self.failed = 0
        self._hidden: dict[str, float] = {}
        """Until when at least the server has promised to hide a message, by its id."""
        self._ids: dict[str, str] = {}
        self._delivered_twice_ids: set[str] = set()
        self.delivered_twice: list[str] = []
        """Bodies of messages that the server itself delivered twice: hidden, and neither deleted nor released.

        SQS does that rarely, and moto when two receives meet: it locks nothing.
        """
        self.endpoint = ""

    def in_flight(self, worker: str) -> set[str]:
        """Return the receipt handles that a worker has received and neither deleted nor released.

        Not those of a message that the server itself delivered twice: it has two, and is settled by either.
        """
        with self._lock:
            return {
                handle for handle in self._in_flight[worker] if self._ids.get(handle) not in self._delivered_twice_ids
            }

    @contextmanager
    def serving(self) -> Iterator["Proxy"]:
        """Serve meanwhile."""
        handler = type("Handler", (_Handler,), {"proxy": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.block_on_close = False
        with serving(server) as address:
            self.endpoint = f"http://{address}"
            yield self

    def answer(self, worker: str, operation: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
        """Fail the request, or parts of it, or pass it on."""
        self.requests[worker, operation] += 1
        if code := self.fail_request(operation) or self.fail_request_of(operation, body["QueueUrl"]):
            self.failed += 1
            return STATUS[code], {"__type": f"com.amazonaws.sqs#{code}", "message": "on purpose"}
        entries = body.get("Entries", [])
        passed = [entry for entry in entries if not self.fail_entry(operation)]
        refused = [entry for entry in entries if entry not in passed]
        self.failed += len(refused)
        began = time.monotonic()
        self._record_exposed(operation, passed)
        status, answer = (200, {"Successful": []}) if refused and not passed else self._pass_on(headers, body, passed)
        self._record(worker, operation, passed, answer)
        self._record_hidden(began + body.get("VisibilityTimeout", 0), answer.get("Messages", ()))
        failures = [{"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in refused]
        if failures and status == http.client.OK:
            answer = answer | {"Failed": [*answer.get("Failed", ()), *failures]}
        return status, answer

    def _pass_on(self, headers: dict[str, str], body: dict[str, Any], entries: list[Any]) -> Answer:
        address = urllib.parse.urlsplit(self._server.endpoint)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        content = json.dumps(body | ({"Entries": entries} if "Entries" in body else {}))
        try:
            connection.request("POST", "/", content.encode(), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def _record_exposed(self, operation: str, entries: list[Any]) -> None:
        """From now on the server may show these messages again."""
        with self._lock:
            for entry in entries:
                if operation == "DeleteMessageBatch" or entry.get("VisibilityTimeout") == 0:
                    self._hidden.pop(self._ids.get(entry["ReceiptHandle"], ""), None)

    def _record_hidden(self, until: float, messages: Iterable[dict[str, Any]]) -> None:
        with self._lock:
            for message in messages:
                if time.monotonic() < self._hidden.get(message["MessageId"], 0):
                    self.delivered_twice.append(message["Body"])
                    self._delivered_twice_ids.add(message["MessageId"])
                self._hidden[message["MessageId"]] = until
                self._ids[message["ReceiptHandle"]] = message["MessageId"]

    def _record(self, worker: str, operation: str, entries: list[Any], answer: dict[str, Any]) -> None:
        confirmed = {entry["Id"] for entry in answer.get("Successful", ())}
        settled = {
            entry["ReceiptHandle"]
            for entry in entries
            if entry["Id"] in confirmed and (operation == "DeleteMessageBatch" or entry.get("VisibilityTimeout") == 0)
        }
        with self._lock:
            self._in_flight[worker] |= {message["ReceiptHandle"] for message in answer.get("Messages", ())}
            self._in_flight[worker] -= settled


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        match = _KEY.search(self.headers["Authorization"])
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date")}
        status, answer = self.proxy.answer(match[1] if match else "", operation, headers, body)
        content = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the worker is gone; what it was sent counts as received by it

    def log_message(self, *_: Any) -> None: ...
