"""What the URL of a queue says, and that operator and worker ask the same queue for it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.session import Session

from queueaddress import AddressError, Endpoint, is_listed, parse, partition_of
from queueworker.errors import UsageError
from queueworker.settings import QueueShare, Settings
from queueworker.sqs.queues import region_for
from queueworkerpool.errors import QueueNotAllowedError
from queueworkerpool.model import NamespacedName, QueueRef
from queueworkerpool.tenancy import Tenancy
from queueworkerpool.validate import validate
from tests.cluster.operator.pool_manifests import queue as pool_with
from tests.unit.operator.builders import NOW, pool
from tests.unit.queue_urls import A, Q, at_aws, elsewhere, refused

ROOT = Path(__file__).parents[2]
EVERYTHING = Tenancy.parse('[{"namespaces": ["shop"], "queues": ["arn:aws*:sqs:*:*:*"]}]', "eu-south-2")
SHOP = pool(key=NamespacedName("shop", "p"))


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-south-2")


@at_aws
def test_the_host_of_aws_says_the_region(url: str, region: str) -> None:
    address = parse(url)
    assert (address.name, address.account, address.region) == (Q, A, region)
    assert address.endpoint


@at_aws
def test_both_programs_ask_the_hosts_region(url: str, region: str) -> None:
    assert QueueRef(url).home("eu-south-2") == region
    assert region_for(url, Session()) == region
    assert Settings(queues=(QueueShare(url),), handler="m:f").queues[0].url == url


@elsewhere
def test_another_server_says_what_its_path_says(url: str, account: str | None, region: str | None) -> None:
    address = parse(url)
    assert (address.name, address.account, address.region, address.endpoint) == (Q, account, region, None)


@elsewhere
def test_both_programs_ask_their_own_region_where_the_url_has_none(
    url: str, account: str | None, region: str | None
) -> None:
    del account
    assert QueueRef(url).home("eu-south-2") == region_for(url, Session()) == (region or "eu-south-2")
    assert QueueRef(url, "fr-par").home("eu-south-2") == "fr-par"


@refused
def test_both_programs_refuse(url: str) -> None:
    with pytest.raises(AddressError, match=r"^.{10,150}: .*"):
        QueueRef(url).home("eu-south-2")
    with pytest.raises(UsageError, match=r"^--queue .* is not a queue URL: "):
        Settings(queues=(QueueShare(url),), handler="m:f")


@at_aws
def test_a_region_that_contradicts_the_host_is_an_error(url: str, region: str) -> None:
    assert QueueRef(url, region).home(None) == region
    with pytest.raises(AddressError, match=f"region ap-south-1 is not that of its URL, {region}"):
        QueueRef(url, "ap-south-1").home(None)


@at_aws
def test_the_arn_of_tenancy_is_that_of_the_region_that_is_asked(url: str, region: str) -> None:
    def admits(pattern: str) -> bool:
        rules = Tenancy.parse(f'[{{"namespaces": ["shop"], "queues": ["{pattern}"]}}]', "eu-south-2")
        try:
            return rules.admit(SHOP, QueueRef(url)) is not None
        except QueueNotAllowedError:
            return False

    assert admits(f"arn:{partition_of(region)}:sqs:{region}:{A}:{Q}")
    assert not admits(f"arn:*:sqs:eu-south-2:{A}:{Q}")


@elsewhere
def test_where_there_are_tenants_only_a_url_with_an_account_is_allowed(
    url: str, account: str | None, region: str | None
) -> None:
    del region
    if account:
        assert EVERYTHING.admit(SHOP, QueueRef(url)) == QueueRef(url)
    else:
        with pytest.raises(QueueNotAllowedError, match="its URL has no account, so that no ARN covers it: write"):
            EVERYTHING.admit(SHOP, QueueRef(url))


@refused
def test_where_there_are_tenants_none_of_these_is_allowed(url: str) -> None:
    with pytest.raises(QueueNotAllowedError):
        EVERYTHING.admit(SHOP, QueueRef(url, "eu-south-2"))


@at_aws
def test_validate_says_which_region_will_be_asked(url: str, region: str) -> None:
    [verdict] = validate(pool_with(url), NOW)
    assert verdict.errors == ()
    assert [queue.region for queue in verdict.queues] == [region]


@elsewhere
def test_validate_accepts_other_servers(url: str, account: str | None, region: str | None) -> None:
    [verdict] = validate(pool_with(url), NOW)
    assert verdict.errors == ()
    assert [(queue.account, queue.region) for queue in verdict.queues] == [(account, region)]


@refused
def test_validate_refuses(url: str) -> None:
    [verdict] = validate(pool_with(url), NOW)
    assert {error.field for error in verdict.errors} == {"spec.queues[0].url"}


def test_validate_refuses_a_region_that_contradicts_the_host() -> None:
    [verdict] = validate(pool_with(f"https://sqs.eu-west-1.amazonaws.com/{A}/{Q}", region="us-east-1"), NOW)
    [error] = verdict.errors
    assert error.field == "spec.queues[0].region"
    assert "us-east-1 is not that of its URL, eu-west-1: correct the one or the other" in error.message


@pytest.mark.parametrize(
    ("host", "setting"),
    [
        ("sqs-fips.us-east-1.amazonaws.com", "AWS_USE_FIPS_ENDPOINT"),
        ("sqs.us-east-1.api.aws", "AWS_USE_DUALSTACK_ENDPOINT"),
        ("vpce-0a1b.sqs.us-east-1.vpce.amazonaws.com", "AWS_ENDPOINT_URL_SQS"),
    ],
)
def test_validate_warns_that_requests_do_not_go_to_the_host(host: str, setting: str) -> None:
    [verdict] = validate(pool_with(f"https://{host}/{A}/{Q}"), NOW)
    [warning] = verdict.warnings
    assert warning.field == "spec.queues[0].url"
    assert setting in warning.message


REGIONS = {
    "nz-north-1.amazonaws.com": "its region nz-north-1 is not known to this version: correct it, or update",
    "ireland.amazonaws.com": "its region ireland is not known to this version: correct it, or update",
    "cn-north-1.amazonaws.com": "its region cn-north-1 is below amazonaws.com.cn: correct the host",
    "us-east-1.amazonaws.com.cn": "its region us-east-1 is below amazonaws.com: correct the host",
}


@pytest.mark.parametrize(("host", "problem"), REGIONS.items(), ids=REGIONS)
def test_a_region_that_is_not_understood_is_named_with_the_way_out(host: str, problem: str) -> None:
    with pytest.raises(AddressError, match=problem):
        parse(f"https://sqs.{host}/{A}/{Q}")


def test_validate_warns_of_a_region_that_this_version_does_not_know() -> None:
    [verdict] = validate(pool_with(f"https://sqs.eu-west-9.amazonaws.com/{A}/{Q}"), NOW)
    [warning] = verdict.warnings
    assert warning.field == "spec.queues[0].url"
    assert "eu-west-9 is not known to this version" in warning.message
    assert "QWP_REGION" in warning.message
    [elsewhere] = validate(pool_with(f"https://sqs.example/{A}/{Q}", region="fr-par"), NOW)
    assert elsewhere.warnings == ()


# botocore's data


@pytest.mark.parametrize("partition", Loader().load_data("partitions")["partitions"], ids=lambda each: str(each["id"]))
def test_every_partition_of_botocore_is_understood(partition: dict[str, Any]) -> None:
    suffixes = {partition["outputs"]["dnsSuffix"], partition["outputs"]["dualStackDnsSuffix"]}
    regions = [region for region in partition["regions"] if not region.endswith("-global")]
    for region in regions:
        assert (partition_of(region), is_listed(region)) == (partition["id"], True)
        assert {parse(f"https://sqs.{region}.{suffix}/{A}/{Q}").region for suffix in suffixes} == {region}
    for suffix in suffixes:
        [verdict] = validate(pool_with(f"https://sqs.{regions[0]}.{suffix}/queue/{Q}"), NOW)
        assert "must be an SQS queue URL" in verdict.errors[0].message, f"add {suffix} to the CRD's rule"


def test_a_region_of_another_server_is_listed_nowhere() -> None:
    assert (partition_of("fr-par"), is_listed("fr-par"), is_listed("eu-west-9")) == ("aws", False, False)


def test_the_kinds_of_endpoints_are_told_apart() -> None:
    hosts = ("sqs.us-east-1.amazonaws.com", "sqs-fips.us-east-1.api.aws", "sqs.us-east-1.api.aws")
    kinds = [parse(f"https://{host}/{A}/{Q}").endpoint for host in hosts]
    assert kinds == [Endpoint.STANDARD, Endpoint.FIPS, Endpoint.DUAL_STACK]


def test_no_url_needs_botocore_to_be_imported() -> None:
    """`qwp validate` would be slower by more than 0.1 s."""
    code = f"import sys, queueaddress; queueaddress.parse('https://sqs.eu-west-1.amazonaws.com/{A}/{Q}')"
    check = "; sys.exit('botocore' in sys.modules)"
    subprocess.run([sys.executable, "-c", code + check], check=True, env={"PYTHONPATH": str(ROOT / "common")})
