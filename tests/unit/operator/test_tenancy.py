"""Which queues a namespace may use: what no pattern covers exactly is refused, and so is a doubtful URL."""

import json
import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkerpool.errors import QueueNotAllowedError
from queueworkerpool.model import Endpoints, NamespacedName, QueueRef, Role
from queueworkerpool.tenancy import Tenancy, arn_of
from tests.unit.operator.builders import SPEC, URL, pool, reading
from tests.unit.operator.fakes import FakeDependencies

ROLE = "arn:aws:iam::123456789012:role/qwp-shop"
SHOP = {"namespaces": ["shop", "team-*"], "queues": ["arn:aws:sqs:eu-west-1:123456789012:shop-*"], "roleArn": ROLE}
BANK = {"namespaces": ["bank"], "queues": ["arn:aws:sqs:*:999999999999:*.fifo", "arn:aws:sqs:eu-west-1:123456789012:b"]}
HOST = "https://sqs.eu-west-1.amazonaws.com"


def tenancy(*entries: dict[str, Any], region: str | None = None) -> Tenancy:
    return Tenancy.parse(json.dumps(entries), region)


def admitted(rules: Tenancy, namespace: str, url: str, region: str | None = None) -> QueueRef | None:
    """The queue as the namespace may read it; None when it may not."""
    try:
        return rules.admit(pool(key=NamespacedName(namespace, "thumbnails")), QueueRef(url, region))
    except QueueNotAllowedError:
        return None


ALLOWED = {
    "a queue of the namespace": ("shop", f"{HOST}/123456789012/shop-orders", None, ROLE),
    "a namespace that a pattern covers": ("team-a", f"{HOST}/123456789012/shop-", None, ROLE),
    "a fifo queue": ("shop", f"{HOST}/123456789012/shop-orders.fifo", None, ROLE),
    "a host without a region, and a pool that names it": (
        "shop",
        "http://sqs:9324/123456789012/shop-orders",
        "eu-west-1",
        ROLE,
    ),
    "a queue by its whole name, without a role": ("bank", f"{HOST}/123456789012/b", None, None),
    "any region, by a star": ("bank", "https://sqs.us-east-1.amazonaws.com/999999999999/a.fifo", None, None),
}


@pytest.mark.parametrize(("namespace", "url", "region", "role"), ALLOWED.values(), ids=ALLOWED)
def test_it_allows(namespace: str, url: str, region: str | None, role: str | None) -> None:
    expected = QueueRef(url, region, Role(role, namespace, "uid-1") if role else None)
    assert admitted(tenancy(SHOP, BANK), namespace, url, region) == expected


ATTACKS = {
    "a queue of another namespace": ("bank", f"{HOST}/123456789012/shop-orders", None),
    "a queue of no tenant": ("shop", f"{HOST}/123456789012/orders", None),
    "a namespace without an entry": ("guest", f"{HOST}/123456789012/shop-orders", None),
    "a namespace that only begins with an allowed one": ("shop2", f"{HOST}/123456789012/shop-orders", None),
    "a name that only ends with an allowed one": ("shop", f"{HOST}/123456789012/my-shop-orders", None),
    "the name in capitals": ("shop", f"{HOST}/123456789012/SHOP-orders", None),
    "another account": ("shop", f"{HOST}/999999999999/shop-orders", None),
    "another region in the host": ("shop", "https://sqs.us-east-1.amazonaws.com/123456789012/shop-orders", None),
    "another region in the field than in the host": ("shop", f"{HOST}/123456789012/shop-orders", "us-east-1"),
    "the region of another partition": ("shop", f"{HOST}/123456789012/shop-orders", "cn-north-1"),
    "a region in capitals": ("shop", f"{HOST}/123456789012/shop-orders", "EU-WEST-1"),
    "a region with a colon": ("shop", f"{HOST}/123456789012/shop-orders", "eu-west-1:123456789012:shop-"),
    "a region with a newline": ("shop", f"{HOST}/123456789012/shop-orders", "eu-west-1\n"),
    "no region at all": ("shop", "http://sqs:9324/123456789012/shop-orders", None),
    "a colon in the name": ("shop", f"{HOST}/123456789012/shop-orders:x", None),
    "a slash in the name": ("shop", f"{HOST}/123456789012/shop-a/../b", None),
    "two dots": ("bank", f"{HOST}/123456789012/shop-x/../b", None),
    "encoded dots": ("bank", f"{HOST}/123456789012/%2e%2e/b", None),
    "two slashes": ("bank", f"{HOST}//123456789012/b", None),
    "a longer path": ("bank", f"{HOST}/999999999999/123456789012/b", None),
    "a user before the host": ("bank", "https://sqs.eu-west-1.amazonaws.com@evil.example/123456789012/b", None),
    "a query": ("bank", f"{HOST}/123456789012/b?x=1", None),
    "a fragment": ("bank", f"{HOST}/123456789012/orders#/123456789012/b", None),
    "a backslash": ("bank", f"{HOST}\\123456789012/b", None),
    "a newline at the end": ("bank", f"{HOST}/123456789012/b\n", None),
    "a null byte": ("bank", f"{HOST}/123456789012/b\0", None),
    "a zero-width space": ("bank", f"{HOST}/123456789012/\u200bb", None),
    "a Cyrillic letter": ("shop", f"{HOST}/123456789012/sh\u043ep-orders", None),
    "a full-width letter": ("bank", f"{HOST}/123456789012/\uff42", None),
    "digits of another script": ("bank", f"{HOST}/\u0661\u0662\u0663456789012/b", None),
    "a host of another script": ("bank", "https://sqs.eu-west-1.\u0430mazonaws.com/123456789012/b", None),
    "another scheme": ("bank", "file:///123456789012/b", None),
    "an ARN": ("bank", "arn:aws:sqs:eu-west-1:123456789012:b", None),
    "a star": ("bank", f"{HOST}/123456789012/*", None),
    "a name that is too long": ("shop", f"{HOST}/123456789012/shop-{'x' * 76}", None),
    "an empty URL": ("bank", "", None),
}


@pytest.mark.parametrize(("namespace", "url", "region"), ATTACKS.values(), ids=ATTACKS)
def test_it_refuses(namespace: str, url: str, region: str | None) -> None:
    assert admitted(tenancy(SHOP, BANK), namespace, url, region) is None


def test_without_rules_every_namespace_may_use_every_queue_by_the_operators_own_identity() -> None:
    assert admitted(Tenancy.parse(""), "guest", URL) == QueueRef(URL)


def test_the_first_entry_that_covers_both_gives_the_role() -> None:
    narrower = SHOP | {"queues": ["arn:aws:sqs:eu-west-1:123456789012:shop-orders"], "roleArn": f"{ROLE}-2"}
    for entries, role in (((narrower, SHOP), f"{ROLE}-2"), ((SHOP, narrower), ROLE)):
        queue = admitted(tenancy(*entries), "shop", f"{HOST}/123456789012/shop-orders")
        assert queue is not None
        assert queue.role == Role(role, "shop", "uid-1")


def test_the_region_of_a_queue_that_names_none_is_the_operators() -> None:
    url = "http://sqs:9324/123456789012/shop-orders"
    assert admitted(tenancy(SHOP, region="eu-west-1"), "shop", url)
    assert admitted(tenancy(SHOP, region="us-east-1"), "shop", url) is None


def test_the_external_id_is_the_pools_namespace_and_uid() -> None:
    assert Role(ROLE, "shop", "uid-1").external_id == "shop/uid-1"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-isob-east-1", "aws-iso-b")],
)
def test_the_arn_names_the_regions_partition(region: str, partition: str) -> None:
    url = "http://sqs:9324/123456789012/thumbnails"
    assert arn_of(QueueRef(url, region), None) == f"arn:{partition}:sqs:{region}:123456789012:thumbnails"


async def test_a_queue_that_is_not_allowed_is_not_read_and_changes_no_size() -> None:
    fake = FakeDependencies(queues={URL: reading(1000)}, tenancy=tenancy(BANK))
    fake.queues.clear()  # a reading would fail
    await fake.tick()
    assert (fake.sizes, fake.event_reasons) == ((10, 500), ["QueueNotAllowed"])


async def test_a_pool_with_one_queue_that_is_not_allowed_does_not_scale_in() -> None:
    allowed = SHOP | {"queues": ["arn:aws:sqs:eu-west-1:123456789012:thumbnails"], "roleArn": None}
    spec = replace(SPEC, queues=(QueueRef(URL), QueueRef(f"{HOST}/123456789012/b")))
    fake = FakeDependencies(pool(spec=spec), queues={URL: reading(0)}, tenancy=tenancy(allowed, BANK))
    await fake.tick()
    assert (fake.sizes, fake.event_reasons) == ((10, 500), ["QueueNotAllowed"])


def test_a_refusal_names_field_and_remedy_and_no_other_tenant() -> None:
    with pytest.raises(QueueNotAllowedError) as caught:
        tenancy(SHOP, BANK).admit(pool(), QueueRef(f"{HOST}/123456789012/b"))
    assert str(caught.value) == (
        "queue b: this namespace may not use it: correct spec.queues[].url and region, or have "
        "arn:aws:sqs:eu-west-1:123456789012:b allowed in the operator's QWP_TENANTS"
    )
    with pytest.raises(QueueNotAllowedError) as caught:
        tenancy(SHOP, BANK).admit(pool(), QueueRef(f"{HOST}/123456789012/{'b' * 5000}\x1b[31m"))
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


# Properties

_NAME = st.text(string.ascii_letters + string.digits + "_-*", min_size=1, max_size=12)


def covers(pattern: str, text: str) -> bool:
    """Whether the pattern covers the text, by trying every possibility: slow and simple."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(covers(pattern[1:], text[skipped:]) for skipped in range(len(text) + 1) if ":" not in text[:skipped])
    return bool(text) and text[0] == pattern[0] and covers(pattern[1:], text[1:])


@given(_NAME, st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12))
def test_a_pattern_allows_exactly_what_it_covers(pattern: str, name: str) -> None:
    rules = tenancy(SHOP | {"queues": [f"arn:aws:sqs:eu-west-1:123456789012:{pattern}"]})
    allowed = admitted(rules, "shop", f"{HOST}/123456789012/{name}") is not None
    assert allowed == covers(pattern, name)


@given(st.text(max_size=60), st.one_of(st.none(), st.text(max_size=40)))
def test_only_ascii_that_a_pattern_covers_is_allowed(tail: str, region: str | None) -> None:
    queue = admitted(tenancy(SHOP, BANK), "bank", f"{HOST}/{tail}", region)
    if queue:
        arn = arn_of(queue, None)
        assert arn
        assert arn.isascii()
        assert arn.count(":") == 5
        assert any(covers(pattern, arn) for pattern in BANK["queues"])


@given(st.sampled_from("/123456789012/b"), st.characters(exclude_characters="123456789012b/"), st.integers(0, 14))
def test_a_look_alike_of_an_allowed_queue_is_refused(old: str, new: str, place: int) -> None:
    path = "/123456789012/b"
    changed = path[:place] + new + path[place + 1 :] if path[place] == old else path.replace(old, new, 1)
    assert admitted(tenancy(BANK), "bank", HOST + changed) is None


LISTED = Endpoints({"elasticmq:9324": "http://10.0.0.1:9324", "mq.example": "https://mq.example"})
PLACES = {
    "namespaces": ["shop"],
    "queues": ["elasticmq:9324/000000000000/shop-*", "mq.example/b1gex/*/shop-*@ru-central1"],
}
EVERY_ARN = {"namespaces": ["bank"], "queues": ["arn:*:sqs:*:*:*"]}
AT_SERVERS: dict[str, tuple[str, str, str | None, bool]] = {
    "a queue of a listed server, by its place": ("shop", "http://elasticmq:9324/000000000000/shop-a", None, True),
    "the same in capitals, with a dot": ("shop", "HTTP://ElasticMQ.:9324/000000000000/shop-a", None, True),
    "a queue with its region": ("shop", "https://mq.example/b1gex/dj6/shop-a", "ru-central1", True),
    "a queue in another region": ("shop", "https://mq.example/b1gex/dj6/shop-a", "ru-central2", False),
    "a queue with a region where the rule has none": (
        "shop",
        "http://elasticmq:9324/000000000000/shop-a",
        "eu-west-1",
        False,
    ),
    "a queue without its region": ("shop", "https://mq.example/b1gex/dj6/shop-a", None, False),
    "another queue": ("shop", "http://elasticmq:9324/000000000000/bank-a", None, False),
    "the queue by another path": ("shop", "http://elasticmq:9324/queue/shop-a", None, False),
    "the queue in a longer path": ("shop", "http://elasticmq:9324/queue/000000000000/shop-a", None, False),
    "the queue by an account of one's own": ("bank", "http://elasticmq:9324/123456789012/shop-a", "eu-west-1", False),
    "the ARN of one's own at a listed server": (
        "bank",
        "http://elasticmq:9324/queue/eu-west-1/123456789012/b",
        None,
        False,
    ),
    "a queue of a server that is not listed, which the reader refuses": (
        "shop",
        "http://elasticmq:9325/000000000000/shop-a",
        "eu-west-1",
        False,
    ),
    "a queue at AWS, by its ARN": ("bank", f"{HOST}/123456789012/b", None, True),
}


@pytest.mark.parametrize(("namespace", "url", "region", "allowed"), AT_SERVERS.values(), ids=AT_SERVERS)
def test_queues_of_listed_servers_are_known_by_their_places(
    namespace: str, url: str, region: str | None, allowed: bool
) -> None:
    rules = Tenancy.parse(json.dumps([PLACES, EVERY_ARN]), None, LISTED)
    assert (admitted(rules, namespace, url, region) is not None) == allowed


def test_who_may_not_use_a_queue_of_a_listed_server_is_told_its_place() -> None:
    rules = Tenancy.parse(json.dumps([EVERY_ARN]), None, LISTED)
    with pytest.raises(QueueNotAllowedError, match=r"have mq\.example/b1gex/dj6/q@fr-par allowed"):
        rules.admit(pool(), QueueRef("https://mq.example:443/b1gex/dj6/q", "fr-par"))
    with pytest.raises(QueueNotAllowedError, match="its region cannot be told"):
        rules.admit(pool(), QueueRef("https://mq.example/b1gex/dj6/q", "fr-par\n"))
