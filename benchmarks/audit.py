"""Who asked the API server for what, by its audit log."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
READS = frozenset({"get", "list"})


POD_NAME = "authentication.kubernetes.io/pod-name"
DECISION = "authorization.k8s.io/decision"


def requests(
    log: Path, user: str, since: datetime, until: datetime | None = None, *, pod: str | None = None
) -> Counter[str]:
    """How often USER, or only the POD that its token is bound to, did what, as `VERB RESOURCE[/SUBRESOURCE]`."""
    return Counter(
        _what(event)
        for event in _events(log, user)
        if (pod is None or event["user"].get("extra", {}).get(POD_NAME) == [pod])
        and since <= _time(event)
        and (until is None or _time(event) < until)
    )


@dataclass(frozen=True, slots=True)
class Named:
    """One request about one object."""

    time: datetime
    what: str
    """As `VERB RESOURCE[/SUBRESOURCE]`."""
    name: str


def named(log: Path, user: str, since: datetime) -> Iterator[Named]:
    """What USER got done since then, in order, with objects that have a name."""
    for event in _events(log, user):
        done = event.get("responseStatus", {}).get("code", 0) < HTTPStatus.BAD_REQUEST
        if done and "name" in event.get("objectRef", {}) and since <= _time(event):
            yield Named(_time(event), _what(event), event["objectRef"]["name"])


def count(done: Counter[str], verbs: frozenset[str]) -> int:
    """How many of the requests were of these verbs."""
    return sum(number for what, number in done.items() if what.split()[0] in verbs)


def never_allowed(log: Path, user: str) -> set[str]:
    """What USER has asked for without ever having the right to; an API server that has just begun denies everything."""
    events = [(event.get("annotations", {}).get(DECISION), _what(event)) for event in _events(log, user)]
    forbidden, allowed = ({what for decision, what in events if decision == word} for word in ("forbid", "allow"))
    return forbidden - allowed


def _events(log: Path, user: str) -> Iterator[dict[str, Any]]:
    """One event per request of USER; a watch has two, at its start and at its end, of which the first counts."""
    mark = json.dumps(user)
    with log.open() as lines:
        for line in lines:
            if mark not in line or not line.endswith("\n"):
                continue
            event = json.loads(line)
            if event["user"]["username"] == user and (event["verb"] == "watch") == (
                event["stage"] == "ResponseStarted"
            ):
                yield event


def _what(event: dict[str, Any]) -> str:
    about = event.get("objectRef", {})
    resource = "/".join(about[part] for part in ("resource", "subresource") if part in about)
    return f"{event['verb']} {resource or event['requestURI'].partition('?')[0]}"


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["requestReceivedTimestamp"])
