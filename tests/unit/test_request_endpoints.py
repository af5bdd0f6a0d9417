"""SQS is found where botocore's client finds it."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from sqsrequest import find_endpoint

CONFIG = """\
[default]
endpoint_url = http://127.0.0.1:1111
[profile own]
services = local
[services local]
sqs =
    endpoint_url = http://127.0.0.1:2222/path
[profile fips]
use_fips_endpoint = true
"""

SETTINGS: dict[str, tuple[str, dict[str, str]]] = {
    "a region": ("eu-central-1", {}),
    "the first region": ("us-east-1", {}),
    "China": ("cn-north-1", {}),
    "GovCloud": ("us-gov-west-1", {}),
    "GovCloud, FIPS": ("us-gov-west-1", {"AWS_USE_FIPS_ENDPOINT": "true"}),
    "a region newer than the table": ("eu-nowhere-9", {}),
    "FIPS": ("us-west-2", {"AWS_USE_FIPS_ENDPOINT": "true"}),
    "dual-stack": ("us-west-2", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}),
    "dual-stack and FIPS": ("us-west-2", {"AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_USE_FIPS_ENDPOINT": "true"}),
    "an endpoint of every service": ("us-west-2", {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}),
    "an endpoint of SQS": (
        "us-west-2",
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9324/"},
    ),
    "an endpoint that is ignored": (
        "us-west-2",
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    ),
    "an endpoint of the file": ("us-west-2", {"AWS_CONFIG_FILE": "config"}),
    "an endpoint of SQS in the file": (
        "us-west-2",
        {"AWS_CONFIG_FILE": "config", "AWS_PROFILE": "own"},
    ),
    "FIPS in the file": ("us-west-2", {"AWS_CONFIG_FILE": "config", "AWS_PROFILE": "fips"}),
}

UNUSABLE = {
    "no URL": ("us-west-2", {"AWS_ENDPOINT_URL_SQS": "localhost"}),
    "a line break": ("us-west-2", {"AWS_ENDPOINT_URL_SQS": "http://local\nhost"}),
    "a region that is no name": ("us west/2", {}),
    "a profile that is not there": ("us-west-2", {"AWS_PROFILE": "nobody"}),
}


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine, and a file of settings in the working folder."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)


def clients_endpoint(region: str) -> str:
    """Return the URL to which botocore's client sends a request."""
    client = Session().create_client("sqs", region, aws_access_key_id="x", aws_secret_access_key="y")
    urls: list[str] = []

    def note(request: object, **_: object) -> None:
        urls.append(str(getattr(request, "url", "")))
        raise BotoCoreError

    client.meta.events.register("before-send", note)
    with pytest.raises(BotoCoreError):
        client.list_queues()  # type: ignore[attr-defined]  # made at run time
    return urls[0].rstrip("/") + "/"


@pytest.mark.parametrize(("region", "variables"), SETTINGS.values(), ids=SETTINGS)
def test_an_endpoint_is_that_of_botocores_client(
    region: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = find_endpoint(region, Session())
    assert found == (region, clients_endpoint(region))


@pytest.mark.parametrize(("region", "variables"), UNUSABLE.values(), ids=UNUSABLE)
def test_settings_that_cannot_be_used_are_refused(
    region: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((BotoCoreError, ValueError)):
        find_endpoint(region, Session())


def test_an_endpoint_may_be_an_address_of_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore's client refuses it, as a name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://[::1]:9324")
    assert find_endpoint("us-east-1", Session()).url == "http://[::1]:9324/"
