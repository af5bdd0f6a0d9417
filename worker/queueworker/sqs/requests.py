"""One request to SQS: signed, sent, answered, in AWS's JSON protocol. `queues` says what to ask.

It does what botocore's client does with a request, by botocore's own parts (credentials, signature, connections,
proxies, certificates), but without looking everything up anew each time: that costs nearly as much as all the rest, and
a worker asks twice for every ten messages (`make bench`: throughput).
"""

import json
import socket
from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import get_environ_proxies

from queueworker.errors import AccessDeniedError, AnswerInvalidError, UnreachableError
from queueworker.sqs.failures import refused

CONNECT_TIMEOUT_SECONDS = 3.0

_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    "User-Agent": f"queueworker/{version('queueworkerpool')}",
    "X-Amzn-Query-Mode": "true",  # asks for the codes of errors that SQS has always had
}
# The latter because a long poll is silent for longer than some NAT gateways remember a connection.
_SOCKET_OPTIONS: Final = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]


class Requests:
    """Requests to SQS in one region, with connections of their own. Safe to share between threads."""

    def __init__(self, session: Session, region: str, read_timeout: float, connections: int) -> None:
        """Find out where requests go (AWS_ENDPOINT_URL_SQS, else the region's endpoint); sends nothing."""
        self._session = session
        self._region = region
        client = session.create_client("sqs", region_name=region, config=Config(parameter_validation=False))
        self._url = client.meta.endpoint_url.rstrip("/") + "/"
        self._http = URLLib3Session(
            verify=session.get_config_variable("ca_bundle") or True,
            proxies=get_environ_proxies(self._url),
            timeout=(CONNECT_TIMEOUT_SECONDS, read_timeout),  # type: ignore[arg-type] # botocore passes a pair, too
            max_pool_connections=connections,
            socket_options=_SOCKET_OPTIONS,  # type: ignore[arg-type] # the stubs know no better
        )

    def send(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for one of SQS's actions once; returns the answer. Raises SqsError."""
        try:
            answer = self._http.send(self._signed(action, body).prepare())
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
            raise AccessDeniedError("the worker has no AWS credentials") from error
        except (BotoCoreError, HTTPClientError, OSError) as error:
            raise UnreachableError(f"SQS did not answer ({type(error).__name__})") from error
        told = _decoded(answer.content)
        if answer.status_code != HTTPStatus.OK:
            raise refused(_code(answer.headers, told), answer.status_code)
        if told is None:
            raise AnswerInvalidError("the answer is not SQS's")
        return told

    def _signed(self, action: str, body: Mapping[str, Any]) -> AWSRequest:
        request = AWSRequest(
            "POST", self._url, {**_HEADERS, "X-Amz-Target": f"AmazonSQS.{action}"}, json.dumps(body).encode()
        )
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        SigV4Auth(credentials.get_frozen_credentials(), "sqs", self._region).add_auth(request)
        return request


def _decoded(content: bytes) -> dict[str, Any] | None:
    """The answer's JSON object; None when it is none. Nothing at all stands for an empty one."""
    try:
        told = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _code(headers: Mapping[str, str], told: Mapping[str, Any] | None) -> str:
    """The error's code: the old one where SQS tells it, else the type's name without its namespace."""
    old = headers.get("x-amzn-query-error", "").partition(";")[0]
    return old or str((told or {}).get("__type", "")).rpartition("#")[2].partition(":")[0]
