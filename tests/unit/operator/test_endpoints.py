"""The setting `sqs_endpoints`: which queues are read where, and what stops the start."""

import json

import pytest
from click.testing import CliRunner

from queueworkerpool.__main__ import main
from queueworkerpool.errors import SettingsInvalidError
from queueworkerpool.model import Endpoints
from tests.unit.operator.builders import URL

ONE, OTHER = "http://10.0.0.1:9324", "https://sqs.example/path"
LISTED = Endpoints.parse(json.dumps({"mq": ONE, "mq:9325": OTHER, "[::1]:9324": ONE, "a.b_c.example": OTHER}))

FOUND: dict[str, tuple[str, str | None, str | None]] = {
    "any port of a host": ("http://mq:9324/000000000000/q", ONE, "mq/000000000000/q"),
    "a host with its port first": ("http://mq:9325/queue/q", OTHER, "mq:9325/queue/q"),
    "a host in capitals, with a dot": ("http://MQ.:9325/queue/q", OTHER, "mq:9325/queue/q"),
    "an IPv6 address": ("http://[::1]:9324/q", ONE, "[::1]:9324/q"),
    "a host with dots": ("https://a.b_c.example/q", OTHER, "a.b_c.example/q"),
    "a host that ends like a listed one": ("http://a.mq/000000000000/q", None, None),
    "a host that begins like a listed one": ("http://mq.evil.example/000000000000/q", None, None),
    "another port of an address": ("http://[::1]:9325/q", None, None),
    "a host of AWS": (URL, None, None),
}


@pytest.mark.parametrize(("url", "endpoint", "place"), FOUND.values(), ids=FOUND)
def test_it_finds(url: str, endpoint: str | None, place: str | None) -> None:
    assert (LISTED.endpoint_of(url), LISTED.place(url)) == (endpoint, place)


def test_a_queue_at_a_listed_host_of_aws_keeps_its_arn() -> None:
    listed = Endpoints({"sqs.eu-west-1.amazonaws.com": "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com"})
    assert (listed.endpoint_of(URL), listed.place(URL)) == ("https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com", None)


def test_without_the_setting_there_are_none() -> None:
    assert Endpoints.parse("") == Endpoints()
    assert Endpoints().endpoint_of("http://mq:9324/000000000000/q") is None


_OBJECT = "sqs_endpoints: it must be an object of at most 100 hosts, each with the URL of its endpoint"
_NO_HOST = "it is no host of a queue's URL: write it in small letters, with or without a port, such as sqs:9324"
_NO_URL = "its endpoint is no URL such as http://elasticmq.queues:9324, without user and query"

INVALID: dict[str, tuple[str, str]] = {
    "not JSON": ("mq=http://mq", "sqs_endpoints: it is not JSON (JSONDecodeError)"),
    "JSON that is nested too deeply": ("[" * 100_000, "sqs_endpoints: it is not JSON (RecursionError)"),
    "a list": ("[]", _OBJECT),
    "too many": (json.dumps({f"h{n}": ONE for n in range(101)}), _OBJECT),
    "a host with its scheme": (json.dumps({"http://mq": ONE}), f"sqs_endpoints['http://mq']: {_NO_HOST}"),
    "a host in capitals": (json.dumps({"MQ": ONE}), f"sqs_endpoints['MQ']: {_NO_HOST}"),
    "a pattern": (json.dumps({"*": ONE}), f"sqs_endpoints['*']: {_NO_HOST}"),
    "an endpoint without a scheme": (json.dumps({"mq": "mq:9324"}), f"sqs_endpoints['mq']: {_NO_URL}"),
    "an endpoint with a user": (json.dumps({"mq": "http://me@mq"}), f"sqs_endpoints['mq']: {_NO_URL}"),
    "an endpoint of another scheme": (json.dumps({"mq": "file:///etc"}), f"sqs_endpoints['mq']: {_NO_URL}"),
    "an endpoint that is no text": (json.dumps({"mq": 7}), f"sqs_endpoints['mq']: {_NO_URL}"),
}


@pytest.mark.parametrize(("text", "problem"), INVALID.values(), ids=INVALID)
def test_invalid(text: str, problem: str) -> None:
    with pytest.raises(SettingsInvalidError) as caught:
        Endpoints.parse(text)
    assert str(caught.value) == problem


def test_invalid_endpoints_stop_the_start() -> None:
    result = CliRunner().invoke(main, ["operator"], env={"QWP_SQS_ENDPOINTS": "{"})
    assert (result.exit_code, "sqs_endpoints: it is not JSON" in result.output) == (2, True)
