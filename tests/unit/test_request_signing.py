"""What signs a request to SQS is botocore, and the Host header that it is given is the one that it would find."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from sqsrequest import Endpoint, content_of, sign

CREDENTIALS = ReadOnlyCredentials("AKIDEXAMPLE", "secret", "token")

HOSTS = {
    "https://sqs.eu-west-1.amazonaws.com/": "sqs.eu-west-1.amazonaws.com",
    "https://sqs.eu-west-1.amazonaws.com:443/": "sqs.eu-west-1.amazonaws.com",
    "http://localhost:4566/": "localhost:4566",
    "http://elasticmq:80/": "elasticmq",
    "http://elasticmq:443/": "elasticmq:443",
    "http://user:word@elasticmq:9324/": "elasticmq:9324",
    "http://[::1]:9324/": "[::1]:9324",
    "http://[::1]/": "[::1]",
}


@pytest.mark.parametrize("url", HOSTS)
def test_the_host_header_is_the_one_that_botocore_would_sign(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2026, 11, 27, tzinfo=UTC))
    content = content_of({"QueueUrl": url})
    signed = sign(Endpoint("eu-west-1", url), "GetQueueAttributes", content, CREDENTIALS, "us")
    theirs = AWSRequest("POST", url, {name: value for name, value in signed.items() if name in SENT}, content)
    SigV4Auth(CREDENTIALS, "sqs", "eu-west-1").add_auth(theirs)
    assert (signed["Host"], signed["Authorization"]) == (HOSTS[url], theirs.headers["Authorization"])


SENT = {"Content-Type", "User-Agent", "X-Amz-Target", "X-Amzn-Query-Mode"}
"""The headers that are there before it is signed, without Host."""
