"""Makes a request to SQS, and has botocore sign it. Pure but for the clock that botocore signs by."""

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from sqsrequest.endpoints import Endpoint

_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amzn-Query-Mode": "true",  # requests the error codes that SQS has always had
}


def sign(
    endpoint: Endpoint, operation: str, body: Mapping[str, Any], credentials: ReadOnlyCredentials, user_agent: str
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the content of a request that is a POST to the endpoint's URL.

    Args:
        endpoint: Where it goes, and the region that it is signed for.
        operation: SQS's name of it, such as `ReceiveMessage`.
        body: Its parameters.
        credentials: They sign.
        user_agent: Who sends it.
    """
    headers = {**_HEADERS, "User-Agent": user_agent, "X-Amz-Target": f"AmazonSQS.{operation}"}
    content = json.dumps(body).encode()
    request = AWSRequest("POST", endpoint.url, headers, content)
    SigV4Auth(credentials, "sqs", endpoint.region).add_auth(request)
    return dict(request.headers), content
