"""Reads the API server's audit log: who requested what, and when."""

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
_POD_NAME = "authentication.kubernetes.io/pod-name"
_DECISION = "authorization.k8s.io/decision"


def requests(
    log: Path, user: str, since: datetime, until: datetime | None = None, *, pod: str | None = None
) -> Counter[str]:
    """Count the requests of a user, as `VERB RESOURCE[/SUBRESOURCE]`.

    Args:
        log: The audit log.
        user: The user name.
        since: Earliest time of a request.
        until: The time from which requests are not counted any more.
        pod: Count only requests whose token is bound to this pod.
    """
    return Counter(
        _action(event)
        for event in _events(log, user)
        if (pod is None or event["user"].get("extra", {}).get(_POD_NAME) == [pod])
        and since <= _time(event)
        and (until is None or _time(event) < until)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRequest:
    """One successful request about one object."""

    time: datetime
    action: str
    """As `VERB RESOURCE[/SUBRESOURCE]`."""
    name: str
    pod: str
    """The pod that the token is bound to; empty where it is bound to none."""


def object_requests(log: Path, user: str, since: datetime) -> Iterator[ObjectRequest]:
    """Yield the successful requests of a user about objects that have a name, in order."""
    for event in _events(log, user):
        done = event.get("responseStatus", {}).get("code", 0) < HTTPStatus.BAD_REQUEST
        if done and "name" in event.get("objectRef", {}) and since <= _time(event):
            [pod] = event["user"].get("extra", {}).get(_POD_NAME, [""])
            yield ObjectRequest(time=_time(event), action=_action(event), name=event["objectRef"]["name"], pod=pod)


def count(done: Counter[str], verbs: frozenset[str]) -> int:
    """Return how many of the requests had one of these verbs."""
    return sum(number for action, number in done.items() if action.split()[0] in verbs)


def never_allowed(log: Path, user: str) -> set[str]:
    """Return what a user requested without ever having the right to.

    An API server that has just started denies everything; so an action that was allowed once does not count.
    """
    events = [(event.get("annotations", {}).get(_DECISION), _action(event)) for event in _events(log, user)]
    forbidden, allowed = ({action for each, action in events if each == word} for word in ("forbid", "allow"))
    return forbidden - allowed


def _events(log: Path, user: str) -> Iterator[dict[str, Any]]:
    """Yield one event per request of a user; of the two of a watch, at its start and end, the first counts."""
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


def _action(event: dict[str, Any]) -> str:
    about = event.get("objectRef", {})
    resource = "/".join(about[part] for part in ("resource", "subresource") if part in about)
    return f"{event['verb']} {resource or event['requestURI'].partition('?')[0]}"


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["requestReceivedTimestamp"])
