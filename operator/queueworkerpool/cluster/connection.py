"""A connection to the API server: sends requests, limits their time, and turns failures into our errors.

`client` and `lease` have one each. The official client blocks, so requests run in a bounded pool of threads. It
retries nothing except a request whose token was rotated.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from http import HTTPStatus
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from queueworkerpool.cluster.library import ApiException, client
from queueworkerpool.cluster.login import Login
from queueworkerpool.cluster.refusals import is_lasting, sentence
from queueworkerpool.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterRefusedError,
    LoginRefusedError,
    NoAnswerError,
    NotLeadingError,
    UnknownPathError,
)
from queueworkerpool.health import Jobs
from queueworkerpool.leader.fence import WriteFence
from queueworkerpool.names import FIELD_MANAGER

CONNECT_TIMEOUT_SECONDS = 3.0
CHUNK_BYTES = 65536
MOST_BYTES = 16 * 1024 * 1024
"""The longest answer that is read. The API server stores objects of up to about 1.5 MiB; in JSON they may be some times
that."""

Requested = Callable[[str, int | None, float], None]
"""Called in any thread after each request that was sent: method, status code (None: no whole answer), seconds."""

Body = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""What is sent: an object, or the operations of a JSON patch."""

_JSON_PATCH = {"Accept": "application/json", "Content-Type": "application/json-patch+json"}
_MERGE_PATCH = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


class NotFoundError(ClusterError):
    """The API server answered 404. The caller turns it into the error that names what is missing."""


class ForbiddenError(ClusterRefusedError):
    """The API server does not let us do this."""


class InvalidError(ClusterRefusedError):
    """The API server answered 422: what was sent does not fit, as a test of a JSON patch that does not hold."""


class AnswerTooLargeError(ClusterError):
    """The answer was larger than it may be, and was given up."""


class Connection:
    """A connection to the API server, with a pool of threads. Close it to end the threads."""

    def __init__(
        self,
        workers: int,
        fence: WriteFence,
        read_timeout_seconds: float,
        requested: Requested | None = None,
        login: Login | None = None,
    ) -> None:
        """Read a kubeconfig, else the pod's service account; sends nothing.

        Args:
            workers: Requests that may be under way at the same time.
            fence: Checked before each write.
            read_timeout_seconds: The limit until an answer begins, and again for the whole of it.
            requested: Counts requests; None counts none.
            login: Which kubeconfig and context; None is KUBECONFIG, else the pod's service account.

        Raises:
            ClusterError: Neither a kubeconfig nor a service account can be read.
        """
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="cluster")
        self._workers = workers
        self._fence = fence
        self._requested = requested or _uncounted
        self._login = login or Login()
        self.jobs = Jobs()
        self._timeouts = (CONNECT_TIMEOUT_SECONDS, read_timeout_seconds)
        self._api = self._connect()

    def close(self) -> None:
        """End the threads and connections; calls under way end by their time-outs."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._api.rest_client.close()

    def renew(self) -> None:
        """Drop all connections, so that the next requests make new ones: after an outage the old ones may be dead."""
        self._api.rest_client.pool_manager.clear()

    async def ask(
        self, method: str, path: str, body: Body | None = None, most_bytes: int = MOST_BYTES
    ) -> dict[str, Any]:
        """Send one request in a thread; return the decoded answer.

        Raises NotLeadingError when it is a write and the fence is closed (then nothing was sent), NotFoundError,
        ClusterConflictError, ClusterRefusedError, AnswerTooLargeError, or ClusterError for every other failure.
        """
        loop = asyncio.get_running_loop()
        # In the caller's context, which says to which fence of several a write belongs.
        return await loop.run_in_executor(
            self._executor, copy_context().run, self.request, method, path, body, most_bytes
        )

    def request(self, method: str, path: str, body: Body | None = None, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
        """Send one request in the calling thread, which blocks; otherwise like `ask`."""
        with self.jobs.job():
            return self._request(method, path, body, most_bytes)

    def _request(self, method: str, path: str, body: Body | None, most_bytes: int) -> dict[str, Any]:
        api, answer = self._api, self._send(method, path, body, most_bytes)
        if answer.status == HTTPStatus.UNAUTHORIZED:  # the token was rotated: read it again, and try once more
            if self._api is api:
                self._api = self._connect()
            answer = self._send(method, path, body, most_bytes)
        decoded = _decoded(answer.data)
        if answer.status < HTTPStatus.BAD_REQUEST:
            # Some proxies answer 200 for an API server that is down, or that refuses; what succeeds returns the object.
            if decoded is None or decoded["kind"] == "Status":
                raise ClusterError(f"{method} {path}: the answer is not the API server's")
            return decoded
        raise _refusal(f"{method} {path}", answer.status, decoded)

    def _send(self, method: str, path: str, body: Body | None, most_bytes: int) -> Any:
        began = time.monotonic()
        try:
            answer = self._exchange(method, path, body, most_bytes)
        except NotLeadingError:  # nothing was sent
            raise
        except ClusterError:
            self._requested(method, None, time.monotonic() - began)
            raise
        self._requested(method, answer.status, time.monotonic() - began)
        return answer

    def _exchange(self, method: str, path: str, body: Body | None, most_bytes: int) -> Any:
        patch = _JSON_PATCH if isinstance(body, list) else _MERGE_PATCH
        headers = patch if method == "PATCH" else _JSON
        query = [("fieldManager", FIELD_MANAGER)] if body else []
        request = self._api.param_serialize(
            method, path, header_params=dict(headers), query_params=query, body=body, auth_settings=["BearerToken"]
        )
        try:
            with nullcontext() if method == "GET" else self._fence.passage():
                answer = self._api.call_api(*request, _request_timeout=self._timeouts)
                answer.data = _whole(answer.response, time.monotonic() + self._timeouts[1], most_bytes)
        except _TooLargeError as error:
            raise AnswerTooLargeError(f"{method} {path}: the answer is larger than {most_bytes} bytes") from error
        except (ApiException, HTTPError, OSError) as error:
            raise NoAnswerError(f"{method} {path}: no answer ({type(error).__name__})") from error
        return answer

    def _connect(self) -> Any:
        settings = self._login.configuration()
        settings.connection_pool_maxsize = self._workers
        settings.retries = 0
        api = client.ApiClient(settings)
        api.rest_client.pool_manager.pool_classes_by_scheme = _fenced(self._fence)
        return api


_LASTING: dict[int, type[ClusterRefusedError]] = {
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidError,
}


def _uncounted(_method: str, _code: int | None, _seconds: float) -> None:
    """Count nothing."""


def _decoded(content: bytes | bytearray) -> dict[str, Any] | None:
    """Return the JSON object with a kind that every answer of the API server is; None when it is none."""
    try:
        decoded = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) and "kind" in decoded else None


def _refusal(request: str, status: int, decoded: Mapping[str, Any] | None) -> ClusterError:
    """Return the error that an answer means. Only the API server's own Status says that an object is gone, or changed.

    A proxy in between answers 404 and 403 of its own, in HTML; the API server answers an unknown path in plain text.
    """
    if decoded is None or decoded["kind"] != "Status":
        kind = UnknownPathError if status == HTTPStatus.NOT_FOUND else ClusterError
        return kind(f"{request}: status {status}, and the answer is not the API server's")
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(f"{request}: not found")
    if status == HTTPStatus.CONFLICT:
        return ClusterConflictError(f"{request}: conflict")
    if status == HTTPStatus.UNAUTHORIZED:
        return LoginRefusedError(f"{request}: the API server does not take these credentials")
    if is_lasting(status, decoded):
        kind = _LASTING.get(status, ClusterRefusedError)
        return kind(sentence(decoded, f"{request}: status {status}"))
    return ClusterError(f"{request}: status {status}")


def _fenced(fence: WriteFence) -> dict[str, type[HTTPConnectionPool]]:
    """Return urllib3's pools with connections that check the fence again once they are established.

    A new connection takes some milliseconds of TLS in which the process may be frozen; measured, it happens.
    """

    class Connected(HTTPSConnection):
        def request(self, method: str, *args: Any, **more: Any) -> None:
            if method != "GET":
                fence.check()
            super().request(method, *args, **more)

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connected

    return {"http": HTTPConnectionPool, "https": Pool}


class _TooLargeError(Exception):
    """A body is larger than it may be."""


def _whole(response: BaseHTTPResponse, ends: float, most_bytes: int) -> bytearray:
    """Return a response's body. Raises TimeoutError at the end time, which bytes that drip in do not move."""
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        body += chunk
        if len(body) > most_bytes:
            response.close()
            raise _TooLargeError
        if time.monotonic() > ends:
            response.close()
            raise TimeoutError
    response.release_conn()
    return body
