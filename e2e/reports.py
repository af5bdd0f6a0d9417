"""Counts what workers report: `POST /begin/MESSAGE` and `POST /end/MESSAGE`; `GET /` is all of it as JSON.

It runs in a pod of its own. A worker reports by `handler.handle`.
"""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNTS: dict[str, Counter[str]] = {"begin": Counter(), "end": Counter()}
LOCK = threading.Lock()


class Report(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        _, what, message = self.path.split("/", 2)
        with LOCK:
            COUNTS[what][message] += 1
        self._answer({})

    def do_GET(self) -> None:
        with LOCK:
            self._answer(COUNTS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library calls it so
        """Say nothing."""

    def _answer(self, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Report).serve_forever()
