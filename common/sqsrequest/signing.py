"""Makes a request to SQS, and has botocore sign it. Pure but for the clock that botocore signs by."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from sqsrequest.endpoints import Endpoint

_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amzn-Query-Mode": "true",  # requests the error codes that SQS has always had
}


class _Request(AWSRequest):
    """A request whose content is bytes. botocore's own prepares all of the request anew when it is asked for them."""

    body: bytes = b""  # type: ignore[assignment] # the stubs say that it is text


def content_of(parameters: Mapping[str, Any]) -> bytes:
    """Return the content of a request with these parameters."""
    return json.dumps(parameters).encode()


def sign(
    endpoint: Endpoint, operation: str, content: bytes, credentials: ReadOnlyCredentials, user_agent: str
) -> dict[str, str]:
    """Return the headers of a request that is a POST to the endpoint's URL.

    Args:
        endpoint: Where it goes, and the region that it is signed for.
        operation: SQS's name of it, such as `ReceiveMessage`.
        content: Its parameters, as `content_of` returns them.
        credentials: They sign.
        user_agent: Who sends it.
    """
    named = {"Host": _host(endpoint.url), "User-Agent": user_agent, "X-Amz-Target": f"AmazonSQS.{operation}"}
    headers = _HEADERS | named
    request = _Request("POST", endpoint.url, headers, content)
    request.body = content
    SigV4Auth(credentials, "sqs", endpoint.region).add_auth(request)
    return dict(request.headers)


@lru_cache
def _host(url: str) -> str:
    """Return the Host header of requests to a URL, as botocore does: it would do so twice for each request."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2].removesuffix({"http": ":80", "https": ":443"}.get(parts.scheme, ""))
