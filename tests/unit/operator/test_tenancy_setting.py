"""The setting `tenants`: what makes no sense stops the start, with the entry and what is wrong with it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from queueworkerpool.__main__ import main
from queueworkerpool.errors import SettingsInvalidError
from queueworkerpool.settings import Settings, tenants_of
from queueworkerpool.tenancy import Tenancy

ROLE = "arn:aws:iam::123456789012:role/qwp-shop"
SHOP = {"namespaces": ["shop", "team-*"], "queues": ["arn:aws:sqs:eu-west-1:123456789012:shop-*"], "roleArn": ROLE}
BANK = {"namespaces": ["bank"], "queues": ["arn:aws:sqs:*:999999999999:*.fifo", "arn:aws:sqs:eu-west-1:123456789012:b"]}

INVALID = {
    "not JSON": ("{", "tenants: it is not JSON (JSONDecodeError)"),
    "JSON that is nested too deeply": ("[" * 100_000, "tenants: it is not JSON (RecursionError)"),
    "an object instead of a list": (
        "{}",
        "tenants: it must be a list with an entry per tenant; leave it out for no rules",
    ),
    "an empty list, which may mean all or none": (
        "[]",
        "tenants: it must be a list with an entry per tenant; leave it out for no rules",
    ),
    "a text instead of an entry": ('["shop"]', "tenants[0]: it must be an object with namespaces, queues, roleArn"),
    "a misspelt field": (
        json.dumps([SHOP, BANK | {"rolearn": ROLE}]),
        "tenants[1]: 'rolearn' is none of namespaces, queues, roleArn",
    ),
    "no queues": ('[{"namespaces": ["a"]}]', "tenants[0].queues: it must be a list that is not empty"),
    "a text instead of a list of namespaces": (
        json.dumps([SHOP | {"namespaces": "shop"}]),
        "tenants[0].namespaces: it must be a list that is not empty",
    ),
    "a name that no namespace can have": (
        json.dumps([SHOP | {"namespaces": ["a", "Shop"]}]),
        "tenants[0].namespaces[1]: 'Shop' is not a namespace or a pattern such as team-*",
    ),
    "a queue by its name instead of its ARN": (
        json.dumps([SHOP | {"queues": ["shop-*"]}]),
        "tenants[0].queues[0]: 'shop-*' is not a queue's ARN or a pattern of it",
    ),
    "one star for everything": (
        json.dumps([SHOP | {"queues": ["*"]}]),
        "tenants[0].queues[0]: '*' is not a queue's ARN or a pattern of it",
    ),
    "a pattern with brackets": (
        json.dumps([SHOP | {"queues": ["arn:aws:sqs:*:123456789012:shop-[ab]"]}]),
        "tenants[0].queues[0]: 'arn:aws:sqs:*:123456789012:shop-[ab]' is not a queue's ARN or a pattern of it",
    ),
    "a user's ARN instead of a role's": (
        json.dumps([SHOP | {"roleArn": "arn:aws:iam::123456789012:user/a"}]),
        "tenants[0].roleArn: 'arn:aws:iam::123456789012:user/a' is not the ARN of a role",
    ),
}


@pytest.mark.parametrize(("text", "problem"), INVALID.values(), ids=INVALID)
def test_invalid(text: str, problem: str) -> None:
    with pytest.raises(SettingsInvalidError) as caught:
        Tenancy.parse(text)
    assert str(caught.value) == problem


def test_invalid_tenants_stop_the_start() -> None:
    result = CliRunner().invoke(main, ["operator"], env={"QWP_TENANTS": '[{"namespaces": ["a"]}]'})
    assert (result.exit_code, "tenants[0].queues: it must be a list" in result.output) == (2, True)


FILES = {
    "more than 1 MiB": (
        json.dumps([SHOP]).encode().ljust(1024 * 1024 + 1),
        "tenants_file: it is longer than 1048576 bytes, as a ConfigMap is at most: use patterns",
    ),
    "nothing": (b"\n", "tenants_file: it is empty; leave it out for no rules"),
    "not text": (b"\xff", "tenants_file: it cannot be read (UnicodeDecodeError)"),
    "no file": (None, "tenants_file: it cannot be read (FileNotFoundError)"),
}


@pytest.mark.parametrize(("content", "problem"), FILES.values(), ids=FILES)
def test_a_file_of_tenants_that_cannot_be_used(content: bytes | None, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "tenants.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsInvalidError) as caught:
        tenants_of(Settings(tenants_file=str(path)))
    assert str(caught.value) == problem


def test_a_file_of_tenants_may_be_as_long_as_a_config_map(tmp_path: Path) -> None:
    (path := tmp_path / "tenants.json").write_text(json.dumps([SHOP]).ljust(1024 * 1024))
    assert len(Tenancy.parse(tenants_of(Settings(tenants_file=str(path)))).entries) == 1


def test_a_file_that_is_invalid_stops_the_start(tmp_path: Path) -> None:
    (path := tmp_path / "tenants.json").write_text('[{"namespaces": ["a"]}]')
    result = CliRunner().invoke(main, ["operator"], env={"QWP_TENANTS_FILE": str(path)})
    assert (result.exit_code, "tenants[0].queues: it must be a list" in result.output) == (2, True)


def test_tenants_come_from_one_place() -> None:
    with pytest.raises(SettingsInvalidError, match="tenants, tenants_file: one of the two"):
        Settings(tenants="[]", tenants_file="x")
