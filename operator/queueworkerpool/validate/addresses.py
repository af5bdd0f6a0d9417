"""What the URLs of a pool's queues mean: errors, warnings, and the region that will be asked. Pure.

`verdicts` and `lint` call it with parsed specs. The API server accepts an address that the operator can never read,
because a CRD cannot hold AWS's partitions; it is an error all the same: no operator would ever read such a queue.
"""

from collections.abc import Iterator
from typing import NamedTuple

from queueaddress import AddressError, Endpoint, is_listed, parse
from queueworkerpool.model import PoolSpec, QueueRef
from queueworkerpool.validate.problems import Problem

_SETTINGS = {
    Endpoint.FIPS: "set AWS_USE_FIPS_ENDPOINT=true for the operator",
    Endpoint.DUAL_STACK: "set AWS_USE_DUALSTACK_ENDPOINT=true for the operator",
    Endpoint.VPC: "private DNS of the VPC endpoint leads there, or the operator's AWS_ENDPOINT_URL_SQS",
}
"""How the operator's own requests go to such an endpoint."""


class AskedQueue(NamedTuple):
    """A queue as it will be asked; a part is None when the URL does not tell it, and the operator's settings do."""

    url: str
    name: str
    account: str | None
    region: str | None

    @property
    def is_plain(self) -> bool:
        """Whether anybody can see the region in the URL."""
        return self.url.lower().startswith(f"https://sqs.{self.region}.")

    def as_document(self) -> dict[str, str | None]:
        """Return it for output as JSON."""
        return self._asdict()


def problems(spec: PoolSpec) -> Iterator[Problem]:
    """Yield the addresses that the operator refuses."""
    for index, queue in _named(spec):
        try:
            queue.home(None)
        except AddressError as error:
            field = "region" if _is_url(queue.url) else "url"
            yield Problem(f"spec.queues[{index}].{field}", f"the operator refuses it: {error}")


def warnings(spec: PoolSpec) -> Iterator[tuple[str, str]]:
    """Yield field and text for each region that is doubtful, and each host that looks as if requests went there.

    Only for a spec without problems.
    """
    for index, queue in _named(spec):
        address = parse(queue.url)
        endpoint = address.endpoint
        if endpoint and address.region and not is_listed(address.region):
            problem = f"its region {address.region} is not known to this version"
            way_out = "if it is new, make it the operator's QWP_REGION, or update"
            yield f"spec.queues[{index}].url", f"{problem}, and the operator may refuse it: correct it; {way_out}"
        if endpoint in _SETTINGS:
            problem = f"its host is a {endpoint} endpoint, and requests go to the operator's own endpoint"
            yield f"spec.queues[{index}].url", f"{problem}: {_SETTINGS[endpoint]}"


def asked(spec: PoolSpec) -> Iterator[AskedQueue]:
    """Yield the queues as they will be asked; only for a spec without problems."""
    for _, queue in _named(spec):
        address = parse(queue.url)
        yield AskedQueue(queue.url, address.name, address.account, queue.home(None))


def _named(spec: PoolSpec) -> Iterator[tuple[int, QueueRef]]:
    """Yield the queues whose URLs are known, each with its place in the spec."""
    yield from ((index, queue) for index, queue in enumerate(spec.queues) if isinstance(queue, QueueRef))


def _is_url(url: str) -> bool:
    try:
        parse(url)
    except AddressError:
        return False
    return True
