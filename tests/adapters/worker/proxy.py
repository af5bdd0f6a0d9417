"""A proxy between workers and an SQS stand-in: writes down who holds which message, and fails what it is told to fail.

A worker is known by its access key, which signs every request.
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
FailEntry = Callable[[str], bool]

STATUS = {"RequestThrottled": 403, "AccessDenied": 403, "QueueDoesNotExist": 400, "InternalFailure": 503}
_KEY = re.compile(r"Credential=([^/]+)/")


class Proxy:
    """One proxy. For an action, `fail_request` gives the error code of a whole request, `fail_entry` fails an entry."""

    def __init__(self, server: SqsServer) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._held: dict[str, set[str]] = defaultdict(set)
        self.requests: Counter[tuple[str, str]] = Counter()
        """Requests by worker and action."""
        self.fail_request: FailRequest = lambda _: None
        self.fail_entry: FailEntry = lambda _: False
        self.failed = 0
        self._hidden: dict[str, float] = {}
        """Until when at least the server has promised to hide a message, by its id."""
        self._ids: dict[str, str] = {}
        self._doubled_ids: set[str] = set()
        self.doubled: list[str] = []
        """Bodies of messages that the server itself gave out twice: hidden, and neither deleted nor released.

        SQS does that rarely, and moto when two receives meet: it locks nothing.
        """
        self.endpoint = ""

    def held(self, worker: str) -> set[str]:
        """The receipt handles that were given to a worker and that it has neither deleted nor released.

        Not those of a message that the server itself gave out twice: it has two, and is given up by either.
        """
        with self._lock:
            return {handle for handle in self._held[worker] if self._ids.get(handle) not in self._doubled_ids}

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

    def answer(self, worker: str, action: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
        """Fail the request, or parts of it, or pass it on."""
        self.requests[worker, action] += 1
        if code := self.fail_request(action):
            self.failed += 1
            return STATUS[code], {"__type": f"com.amazonaws.sqs#{code}", "message": "on purpose"}
        entries = body.get("Entries", [])
        spared = [entry for entry in entries if not self.fail_entry(action)]
        refused = [entry for entry in entries if entry not in spared]
        self.failed += len(refused)
        began = time.monotonic()
        self._expose(action, spared)
        status, told = (200, {"Successful": []}) if refused and not spared else self._pass_on(headers, body, spared)
        self._note(worker, action, spared, told)
        self._note_hidden(began + body.get("VisibilityTimeout", 0), told.get("Messages", ()))
        failures = [{"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"} for entry in refused]
        if failures and status == http.client.OK:
            told = told | {"Failed": [*told.get("Failed", ()), *failures]}
        return status, told

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

    def _expose(self, action: str, entries: list[Any]) -> None:
        """From now on the server may show these messages again."""
        with self._lock:
            for entry in entries:
                if action == "DeleteMessageBatch" or entry.get("VisibilityTimeout") == 0:
                    self._hidden.pop(self._ids.get(entry["ReceiptHandle"], ""), None)

    def _note_hidden(self, until: float, messages: Iterable[dict[str, Any]]) -> None:
        with self._lock:
            for message in messages:
                if time.monotonic() < self._hidden.get(message["MessageId"], 0):
                    self.doubled.append(message["Body"])
                    self._doubled_ids.add(message["MessageId"])
                self._hidden[message["MessageId"]] = until
                self._ids[message["ReceiptHandle"]] = message["MessageId"]

    def _note(self, worker: str, action: str, entries: list[Any], told: dict[str, Any]) -> None:
        confirmed = {entry["Id"] for entry in told.get("Successful", ())}
        given_up = {
            entry["ReceiptHandle"]
            for entry in entries
            if entry["Id"] in confirmed and (action == "DeleteMessageBatch" or entry.get("VisibilityTimeout") == 0)
        }
        with self._lock:
            self._held[worker] |= {message["ReceiptHandle"] for message in told.get("Messages", ())}
            self._held[worker] -= given_up


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        found = _KEY.search(self.headers["Authorization"])
        passed = {name: self.headers[name] for name in ("Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date")}
        status, told = self.proxy.answer(found[1] if found else "", action, passed, body)
        content = json.dumps(told).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # the worker is gone; what it was given counts as held by it

    def log_message(self, *_: Any) -> None: ...
