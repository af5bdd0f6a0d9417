"""Decides which namespace may use which queue, and by which AWS role: the operator's `tenants` setting. Pure.

`process` parses the setting once; each tick of `reconcile` calls `admit` before it reads a queue. Without it, everyone
who may create a pool would see the counts of any queue that the operator may read (a confused deputy). A queue that no
pattern covers exactly is refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from queueaddress import AddressError, parse, partition_of
from queueworkerpool.errors import QueueNotAllowedError, SettingsInvalidError
from queueworkerpool.model import Endpoints, Pool, QueueRef, Role

_REGION = re.compile(r"[a-z0-9-]{1,32}")
_NAMESPACES = re.compile(r"[a-z0-9*-]{1,63}")
_QUEUES = re.compile(r"arn:[a-z*-]{1,20}:sqs:[a-z0-9*-]{1,32}:[0-9*]{1,12}:[A-Za-z0-9_.*-]{1,80}")
_ROLE = re.compile(r"arn:aws[a-z-]{0,15}:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}")

_PLACES = re.compile(r"[a-z0-9._*-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9_.*-]{1,80}){1,4}(@[a-z0-9*-]{1,32})?")
_SEPARATOR = re.compile(r"[:/@]")
_NO_ENDPOINTS = Endpoints()

_FIELDS = ("namespaces", "queues", "roleArn")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tenant: patterns of namespaces and queues, in which `*` stands for any characters within a part."""

    namespaces: tuple[str, ...]
    queues: tuple[str, ...]
    role_arn: str | None

    def covers(self, namespace: str, identity: str) -> bool:
        """Return whether pools of this namespace may use this queue."""
        return any(fnmatchcase(namespace, pattern) for pattern in self.namespaces) and any(
            _fits(identity, pattern) for pattern in self.queues
        )


@dataclass(frozen=True, slots=True)
class Tenancy:
    """The rules of all tenants. Without any, every namespace may use every queue, by the operator's own identity."""

    entries: tuple[_Entry, ...] = ()
    default_region: str | None = None
    endpoints: Endpoints = _NO_ENDPOINTS

    @classmethod
    def parse(cls, text: str, default_region: str | None = None, endpoints: Endpoints = _NO_ENDPOINTS) -> Self:
        """Parse the setting. Raises SettingsInvalidError, naming the entry and what is wrong with it."""
        if not text:
            return cls()
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SettingsInvalidError(f"tenants: it is not JSON ({type(error).__name__})") from error
        if not isinstance(raw, list) or not raw:
            raise SettingsInvalidError("tenants: it must be a list with an entry per tenant; leave it out for no rules")
        entries = tuple(_entry(f"tenants[{number}]", entry) for number, entry in enumerate(raw))
        return cls(entries, default_region, endpoints)

    def admit(self, pool: Pool, queue: QueueRef) -> QueueRef:
        """Return the queue as this pool may read it: by the role of the first entry that covers namespace and queue.

        Raises QueueNotAllowedError when no entry does. Its text reveals nothing of what others may use.
        """
        if not self.entries:
            return queue
        try:
            identity = self._identity(queue)
        except AddressError as error:
            raise QueueNotAllowedError(f"{queue.label}: it is not allowed: {error}") from error
        namespace = pool.key.namespace
        for entry in self.entries:
            if entry.covers(namespace, identity):
                return queue._replace(role=Role(entry.role_arn, namespace, pool.uid) if entry.role_arn else None)
        remedy = f"correct spec.queues[].url and region, or have {identity} allowed in the operator's QWP_TENANTS"
        raise QueueNotAllowedError(f"queue {queue.name}: this namespace may not use it: {remedy}")

    def _identity(self, queue: QueueRef) -> str:
        """Return what rules know a queue by: its place at a server of `sqs_endpoints`, else its ARN.

        A server may take any account and region for its own, and no role leads there: an ARN is no name for its queues.
        Raises AddressError.
        """
        place = self.endpoints.place(queue.url)
        if place is None:
            return arn_of(queue, self.default_region)
        if queue.region is not None and not _REGION.fullmatch(queue.region):
            raise AddressError("its region cannot be told: correct spec.queues[].region")
        return f"{place}@{queue.region}" if queue.region else place


def arn_of(queue: QueueRef, default_region: str | None) -> str:
    """Return the ARN of the queue that would be read. Raises AddressError when a part of it is not certain."""
    address = parse(queue.url)
    region = address.region_for(queue.region, default_region)
    if address.account is None:
        raise AddressError("its URL has no account, so that no ARN covers it: write http://HOST:PORT/ACCOUNT/NAME")
    if region is None or not _REGION.fullmatch(region):
        raise AddressError("its region cannot be told: correct spec.queues[].region")
    return f"arn:{partition_of(region)}:sqs:{region}:{address.account}:{address.name}"


def _fits(identity: str, pattern: str) -> bool:
    """Return whether the pattern covers the ARN, or the place at a server, part by part; neither covers the other."""
    parts, patterns = _SEPARATOR.split(identity), _SEPARATOR.split(pattern)
    if _SEPARATOR.findall(identity) != _SEPARATOR.findall(pattern):
        return False
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _entry(path: str, raw: object) -> _Entry:
    if not isinstance(raw, Mapping):
        raise SettingsInvalidError(f"{path}: it must be an object with {', '.join(_FIELDS)}")
    if unknown := sorted(raw.keys() - _FIELDS):
        raise SettingsInvalidError(f"{path}: {unknown[0]!r} is none of {', '.join(_FIELDS)}")
    role = raw.get("roleArn")
    if role is not None and not (isinstance(role, str) and _ROLE.fullmatch(role)):
        raise SettingsInvalidError(f"{path}.roleArn: {role!r} is not the ARN of a role")
    return _Entry(
        _patterns(
            f"{path}.namespaces", raw.get("namespaces"), (_NAMESPACES,), "a namespace or a pattern such as team-*"
        ),
        _patterns(f"{path}.queues", raw.get("queues"), (_QUEUES, _PLACES), "a queue's ARN or a pattern of it"),
        role,
    )


def _patterns(path: str, raw: Any, forms: tuple[re.Pattern[str], ...], meant: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not raw:
        raise SettingsInvalidError(f"{path}: it must be a list that is not empty")
    for number, pattern in enumerate(raw):
        if not (isinstance(pattern, str) and any(form.fullmatch(pattern) for form in forms)):
            raise SettingsInvalidError(f"{path}[{number}]: {pattern!r} is not {meant}")
    return tuple(raw)
