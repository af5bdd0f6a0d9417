"""Parses the URL of a queue: by AWS's own forms of hosts, else by the paths of SQS-compatible servers. Pure.

No request goes to the host of a URL. It only names the region, so a host that is AWS's and names none is an error: the
default region may have a queue of the same name.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from queueaddress.partitions import Partition, partitions

_URL = re.compile(
    r"(?i:https?)://(?P<host>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?P<port>(?::[0-9]{1,5})?)"
    r"(?P<folders>(?:/[A-Za-z0-9_-]{1,80}){0,3})/(?P<name>[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo)",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
_ACCOUNT = re.compile(r"/([0-9]{12})")
_LOCALSTACK_PATH = re.compile(r"/queue/([a-z0-9-]+)/([0-9]{12})")
_LOCALSTACK_HOST = re.compile(r"(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.localhost\.localstack\.cloud")
_SCALEWAY_HOST = re.compile(r"sqs\.mnq\.([a-z]{2}-[a-z]{3})\.scaleway\.com")

_GLOBAL_REGION = "us-east-1"
_ONLY_REGIONS = {
    "queue.localhost.localstack.cloud": _GLOBAL_REGION,
    "message-queue.api.cloud.yandex.net": "ru-central1",
}
"""Servers that have one region."""

_GLOBAL_HOSTS = frozenset({"queue.amazonaws.com", "sqs.amazonaws.com"})

_LONGEST_SHOWN = 80
_RIGHT_FORM = "write https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"


class Endpoint(StrEnum):
    """The kind of endpoint that a host of AWS belongs to."""

    STANDARD = "standard"
    FIPS = "FIPS"
    DUAL_STACK = "dual-stack"
    VPC = "VPC"


_HOSTS: tuple[tuple[re.Pattern[str], Endpoint], ...] = (
    (re.compile(r"sqs\.([a-z0-9-]+)"), Endpoint.STANDARD),
    (re.compile(r"([a-z0-9-]+)\.queue"), Endpoint.STANDARD),
    (re.compile(r"(?:sqs-fips|fips\.sqs|sqs\.fips)\.([a-z0-9-]+)"), Endpoint.FIPS),
    (re.compile(r"vpce-[a-z0-9-]+\.sqs(?:-fips)?\.([a-z0-9-]+?)(?:-az[0-9]+)?\.vpce"), Endpoint.VPC),
)
"""What stands before the DNS suffix, the region in brackets."""


class AddressError(ValueError):
    """A URL is none of a queue, or contradicts its region. The text is a clause about the queue, then the fix."""


@dataclass(frozen=True, slots=True)
class Address:
    """What a queue's URL says.

    Args:
        name: The queue's.
        account: Its owner's 12 digits; None when the URL has none.
        region: The one that the URL names; None when it names none.
        endpoint: The kind of AWS endpoint; None when the host is not AWS's.
    """

    name: str
    account: str | None
    region: str | None
    endpoint: Endpoint | None

    def region_for(self, given: str | None, default: str | None) -> str | None:
        """Return the region to ask: the one given, else the URL's, else the default.

        Raises:
            AddressError: the given one is not that of AWS's host.
        """
        if given and self.endpoint and given != self.region:
            raise AddressError(f"region {given} is not that of its URL, {self.region}: correct the one or the other")
        return given or self.region or default


def parse(url: str) -> Address:
    """Parse the URL of a queue.

    Raises:
        AddressError: it is no URL of a queue, or its host is AWS's and names no region of SQS.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise AddressError(_not_a_url(url))
    host = found["host"].lower().removesuffix(".")
    folders, name = found["folders"], found["name"]
    if owners := [each for each in partitions() if _is_below(host, (each.dns_suffix, each.dual_stack_suffix))]:
        return _at_aws(host, owners, folders, name)
    return _at_another_server(host, folders, name)


def is_fifo(url: str) -> bool:
    """Return whether a queue delivers the messages of a group in order: SQS has it in the queue's name."""
    return url.endswith(".fifo")


def is_url(text: str) -> bool:
    """Return whether a text has the form of a queue's URL; `parse` may refuse its host nevertheless."""
    return _URL.fullmatch(text) is not None


def place_of(url: str) -> tuple[str, str, str]:
    """Return host, port (with its colon, or nothing) and path of a queue's URL. Raises AddressError."""
    found = _URL.fullmatch(url)
    if found is None:
        raise AddressError(_not_a_url(url))
    return found["host"].lower().removesuffix("."), found["port"], f"{found['folders']}/{found['name']}"


def is_at_aws(url: str) -> bool:
    """Return whether the host of any URL is AWS's."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    return any(_is_below(host, (each.dns_suffix, each.dual_stack_suffix)) for each in partitions())


def _at_aws(host: str, owners: list[Partition], folders: str, name: str) -> Address:
    region, endpoint = _located(host, owners)
    account = _ACCOUNT.fullmatch(folders)
    if account is None:
        raise AddressError(f"its host is AWS's, and its path is not an account of 12 digits and a name: {_RIGHT_FORM}")
    return Address(name, account[1], region, endpoint)


def _located(host: str, owners: list[Partition]) -> tuple[str, Endpoint]:
    if host in _GLOBAL_HOSTS:
        return _GLOBAL_REGION, Endpoint.STANDARD
    unknown = None
    for owner in owners:
        is_dual_stack = _is_below(host, (owner.dual_stack_suffix,))
        head = host.removesuffix("." + (owner.dual_stack_suffix if is_dual_stack else owner.dns_suffix))
        for form, endpoint in _HOSTS:
            found = form.fullmatch(head)
            unknown = unknown or (found and found[1])
            if found and owner.has(found[1]):
                is_plain = endpoint is Endpoint.STANDARD
                return found[1], Endpoint.DUAL_STACK if is_dual_stack and is_plain else endpoint
    if unknown:
        raise AddressError(_not_a_region(unknown))
    raise AddressError(f"its host {_shown(host)} is AWS's, and names no region of SQS: {_RIGHT_FORM}")


def _not_a_region(region: str) -> str:
    if elsewhere := next((each for each in partitions() if each.has(region)), None):
        return f"its region {_shown(region)} is below {elsewhere.dns_suffix}: correct the host"
    return f"its region {_shown(region)} is not known to this version: correct it, or update"


def _at_another_server(host: str, folders: str, name: str) -> Address:
    if in_path := _LOCALSTACK_PATH.fullmatch(folders):
        return Address(name, in_path[2], in_path[1], None)
    account = _ACCOUNT.fullmatch(folders)
    return Address(name, account and account[1], _region_elsewhere(host), None)


def _region_elsewhere(host: str) -> str | None:
    """Return the region that the host of a known server names, or has alone."""
    found = _LOCALSTACK_HOST.fullmatch(host) or _SCALEWAY_HOST.fullmatch(host)
    region: str | None = found[found.lastindex or 0] if found else _ONLY_REGIONS.get(host)
    return region


def _is_below(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host == suffix or host.endswith("." + suffix) for suffix in suffixes)


def _not_a_url(url: str) -> str:
    if "," in url:
        return "its URL has a comma, and a URL names one queue: give each queue a URL of its own"
    if _NAME.fullmatch(url):
        compatible = "or http://HOST:PORT/ACCOUNT/NAME for an SQS-compatible server"
        return f"{url!r} is a name, and its URL is needed: {_RIGHT_FORM}, {compatible}"
    return f"its URL is not a queue's: {_RIGHT_FORM}"


def _shown(host: str) -> str:
    return host if len(host) <= _LONGEST_SHOWN else f"{host[:_LONGEST_SHOWN]}..."
