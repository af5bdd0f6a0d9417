"""Queues of a pool, from what the kinds say of them: a URL, a name, or a variable of the workload. Pure."""

import re

from queueaddress import AddressError, parse
from queueworkerpool.importing.draft import Draft
from queueworkerpool.importing.source import Path, RefusedError, brief

MOST_QUEUES = 10
_ITEM = 3
"""How long the path of an item of a list in the spec is, such as spec.triggers[0]."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")


def url_of(text: str, path: Path, queues_at: str) -> str:
    """Return the URL of a queue that is given by URL or by name.

    Args:
        text: Either of them.
        path: Where it is said.
        queues_at: The URL below which queues are that only have a name; empty when nobody told.

    Raises:
        RefusedError: It is neither, or it is a name and nobody told where.
    """
    if _NAME.fullmatch(text):
        if not queues_at:
            way_out = "write its URL, or give --queues-at, such as https://sqs.eu-west-1.amazonaws.com/123456789012"
            raise RefusedError(path, f"{brief(text)} is a queue's name, and a pool needs its URL: {way_out}")
        text = f"{queues_at.rstrip('/')}/{text}"
    try:
        parse(text)
    except AddressError as error:
        raise RefusedError(path, f"{brief(text)}: {error}") from error
    return text


def region_beside(url: str, region: str, path: Path) -> str:
    """Return the region that has to stand beside a URL; empty when the URL names it, or nobody does.

    Raises:
        RefusedError: It is another one than that of AWS's host.
    """
    address = parse(url)
    if not region or address.region == region:
        return ""
    if address.endpoint:
        raise RefusedError(path, f"{brief(region)} is not the region of the queue's URL, {address.region}: correct one")
    return region


def put_queues(draft: Draft, queues: list[tuple[dict[str, object], Path]], at: Path) -> None:
    """Set the pool's queues, each once. Raises RefusedError when there are more than a pool can have."""
    kept: list[dict[str, object]] = []
    for queue, path in queues:
        if queue in kept:
            draft.note(path, "it is the queue of an earlier one, and a pool counts each queue once")
            continue
        draft.origins[("spec", "queues", len(kept))] = path[:_ITEM]
        draft.origins |= {("spec", "queues", len(kept), key): path for key in queue}
        kept.append(queue)
    if len(kept) > MOST_QUEUES:
        raise RefusedError(
            at, f"{len(kept)} queues, and a pool takes at most {MOST_QUEUES}: split it into several pools"
        )
    draft.put(("spec", "queues"), kept, at)
