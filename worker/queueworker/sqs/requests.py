"""Sends one request to SQS, in a thread that waits for the answer, and makes our errors of failures. `queues` calls it.

What a request is, and what its answer says, is `sqsrequest`'s, for both programs; the connections are urllib3's. A
worker sends two requests for every ten messages (`make bench`: throughput).
"""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError

from queueworker.errors import AnswerInvalidError, UnreachableError
from queueworker.sqs.credentials import WorkerCredentials
from queueworker.sqs.failures import error_for
from sqsrequest import Answer, Endpoint, Route, content_of, find_route, sign

CONNECT_TIMEOUT_SECONDS = 3.0

_USER_AGENT: Final = f"queueworker/{version('queueworker')}"
# The latter because a long poll is silent for longer than some NAT gateways remember a connection.
_SOCKET_OPTIONS: Final = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


class Requests:
    """Requests to SQS in one region, with connections of their own. Safe to share between threads."""

    def __init__(
        self, credentials: WorkerCredentials, endpoint: Endpoint, *, read_timeout: float, connections: int
    ) -> None:
        """Prepare connections; sends nothing.

        Args:
            credentials: they sign, and have AWS's settings.
            endpoint: where requests go.
            read_timeout: seconds to wait for an answer.
            connections: how many are kept open.
        """
        self._credentials, self._endpoint = credentials, endpoint
        route = find_route(endpoint.url, credentials.session)
        manager = _pool_manager(
            route,
            maxsize=connections,
            timeout=Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=read_timeout),
            ca_certs=route.certificates,
            socket_options=_SOCKET_OPTIONS,
        )
        self._http = manager.connection_from_url(endpoint.url)
        # A proxy needs the whole address, except where it only passes on what is encrypted.
        whole = route.proxy and endpoint.url.startswith("http:")
        self._target = endpoint.url if whole else urlsplit(endpoint.url).path

    def send(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return the answer.

        Args:
            operation: SQS's name of it, such as `ReceiveMessage`.
            body: its parameters.

        Raises:
            SqsError: SQS did not answer, or answered with an error.
        """
        return self.send_dated(operation, body)[0]

    def send_dated(self, operation: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        """Send one request; return the answer and its Date header. Raises as `send` does."""
        try:
            content = content_of(body)
            headers = sign(self._endpoint, operation, content, self._credentials.get(), _USER_AGENT)
            response = self._http.urlopen(
                *("POST", self._target, content, headers),
                retries=False,
                redirect=False,
                assert_same_host=False,  # it may be a proxy's
            )
        except (BotoCoreError, HTTPError, OSError) as error:
            raise UnreachableError(f"SQS did not answer ({type(error).__name__})") from error
        answer = Answer.parse(response.status, response.headers, response.data)
        if not answer.succeeded:
            raise error_for(answer.code, answer.status, answer.date, datetime.now(UTC))
        if answer.content is None:
            raise AnswerInvalidError("the answer is not SQS's")
        return answer.content, answer.date


def _pool_manager(route: Route, **options: Any) -> PoolManager:
    """Return connections, through a proxy where there is one (with the user and password of its URL)."""
    if route.proxy is None:
        return PoolManager(**options)
    return ProxyManager(route.proxy, proxy_headers=route.proxy_headers, **options)
