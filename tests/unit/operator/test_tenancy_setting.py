"""The setting `tenants`: what makes no sense stops the start, with the entry and what is wrong with it."""

import json

import pytest
from click.testing import CliRunner

from queueworkerpool.__main__ import main
from queueworkerpool.errors import SettingsInvalidError
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
