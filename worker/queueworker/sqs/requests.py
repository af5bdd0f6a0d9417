"""Sends one request to SQS in AWS's JSON protocol: signs it and parses the answer. `queues` calls it.

It does what botocore's client does with a request, by botocore's own parts (credentials, signature, proxies,
certificates) and the connections of urllib3 below them, but without looking everything up anew each time: that costs
twice as much as all the rest, and a worker sends two requests for every ten messages (`make bench`: throughput).
"""

import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies
from urllib3 import PoolManager, ProxyManager, Timeout
from urllib3.exceptions import HTTPError

from queueworker.errors import AnswerInvalidError, UnreachableError
from queueworker.sqs.credentials import WorkerCredentials
from queueworker.sqs.endpoints import Endpoint
from queueworker.sqs.failures import error_for

CONNECT_TIMEOUT_SECONDS = 3.0

_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    "User-Agent": f"queueworker/{version('queueworker')}",
    "X-Amzn-Query-Mode": "true",  # requests the error codes that SQS has always had
}
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
        self._credentials, session = credentials, credentials.session
        self._region, self._url = endpoint
        proxy = ProxyConfiguration(get_environ_proxies(self._url)).proxy_url_for(self._url)
        manager = _pool_manager(
            proxy,
            maxsize=connections,
            timeout=Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=read_timeout),
            ca_certs=get_cert_path(session.get_config_variable("ca_bundle") or True),
            socket_options=_SOCKET_OPTIONS,
        )
        self._http = manager.connection_from_url(self._url)
        # A proxy needs the whole address, except where it only passes on what is encrypted.
        self._target = self._url if proxy and self._url.startswith("http:") else urlsplit(self._url).path

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
            request = self._signed(operation, body)
            response = self._http.urlopen(
                *("POST", self._target, request.data, dict(request.headers)),
                retries=False,
                redirect=False,
                assert_same_host=False,  # it may be a proxy's
            )
        except (BotoCoreError, HTTPError, OSError) as error:
            raise UnreachableError(f"SQS did not answer ({type(error).__name__})") from error
        answer = _parse_answer(response.data)
        date = response.headers.get("date")
        if response.status != HTTPStatus.OK:
            raise error_for(_error_code(response.headers, answer), response.status, date, datetime.now(UTC))
        if answer is None:
            raise AnswerInvalidError("the answer is not SQS's")
        return answer, date

    def _signed(self, operation: str, body: Mapping[str, Any]) -> AWSRequest:
        request = AWSRequest(
            "POST", self._url, {**_HEADERS, "X-Amz-Target": f"AmazonSQS.{operation}"}, json.dumps(body).encode()
        )
        SigV4Auth(self._credentials.get(), "sqs", self._region).add_auth(request)
        return request


def _pool_manager(proxy: str | None, **options: Any) -> PoolManager:
    """Return connections, through a proxy where there is one (with the user and password of its URL)."""
    if proxy is None:
        return PoolManager(**options)
    return ProxyManager(proxy, proxy_headers=ProxyConfiguration().proxy_headers_for(proxy), **options)


def _parse_answer(content: bytes) -> dict[str, Any] | None:
    """Return the answer's JSON object, an empty one for no content; None when it is not a JSON object."""
    try:
        answer = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _error_code(headers: Mapping[str, str], answer: Mapping[str, Any] | None) -> str:
    """Return the error's code: that of the query protocol where SQS sends it, else the type without its namespace."""
    query_code = headers.get("x-amzn-query-error", "").partition(";")[0]
    return query_code or str((answer or {}).get("__type", "")).rpartition("#")[2].partition(":")[0]
