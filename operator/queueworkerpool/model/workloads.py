"""The kinds of objects that pools may scale, where the API server serves them, and which pods they let go.

`parse_workloads` reads the operator's setting; `watch` and `cluster` find the paths here. Nothing here does input or
output. A kind that is not built in is known by its `/scale` subresource alone.
"""

import json
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from queueworkerpool.errors import SettingsInvalidError
from queueworkerpool.model.identity import ScaleTarget


class Removal(Enum):
    """Which pods go when a workload is scaled in."""

    MARKED = auto()  # a ReplicaSet's controller chooses, and pod-deletion-cost decides among equals
    HIGHEST_ORDINAL = auto()  # a StatefulSet's: always the highest ordinals
    UNKNOWN = auto()  # nobody but the kind's own controller knows


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of object that can be scaled, and where the API server serves it."""

    kind: str
    group: str
    version: str
    plural: str

    def path(self, target: ScaleTarget) -> str:
        """Return the path of one object."""
        return f"{self.root}/namespaces/{target.namespace}/{self.plural}/{target.name}"

    @property
    def root(self) -> str:
        """The path of its API group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def resource(self) -> str:
        """Its plural name with its group, as kubectl takes both; without the group for Kubernetes' own workloads."""
        return self.plural if self.group in {_APPS, ""} else f"{self.plural}.{self.group}"

    @property
    def api_version(self) -> str:
        """Group and version, as manifests write them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from other kinds, in any version."""
        return self.group, self.kind

    @property
    def removal(self) -> Removal:
        """Which pods go when one is scaled in."""
        return _REMOVALS.get(self.identity, Removal.UNKNOWN)

    @property
    def built_in(self) -> bool:
        """Whether it is read from the object itself; another kind is read from its `/scale`."""
        return self.identity in _REMOVALS


_APPS = "apps"

DEPLOYMENT = Workload(kind="Deployment", group=_APPS, version="v1", plural="deployments")
STATEFUL_SET = Workload(kind="StatefulSet", group=_APPS, version="v1", plural="statefulsets")
ROLLOUT = Workload(kind="Rollout", group="argoproj.io", version="v1alpha1", plural="rollouts")
"""Argo Rollouts' replacement of a Deployment."""

_REMOVALS = {
    DEPLOYMENT.identity: Removal.MARKED,
    ROLLOUT.identity: Removal.MARKED,
    STATEFUL_SET.identity: Removal.HIGHEST_ORDINAL,
}

DEFAULT_WORKLOADS = (DEPLOYMENT, STATEFUL_SET)
"""What pools may scale where the operator's settings do not say otherwise."""

_API_VERSION = re.compile(r"(?:(?P<group>[a-z0-9][a-z0-9.-]{0,252})/)?(?P<version>v[0-9][a-z0-9]{0,31})")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_PLURAL = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FIELDS = {"apiVersion", "kind", "resource"}


def workload_of(api_version: str, kind: str) -> Workload:
    """Return a kind whose plural name is the usual one."""
    group, _, version = api_version.rpartition("/")
    return Workload(kind=kind, group=group, version=version, plural=f"{kind.lower()}s")


def parse_workloads(text: str) -> tuple[Workload, ...]:
    """Parse the setting `scale_targets`, a JSON list; an empty text is the default.

    Raises SettingsInvalidError, naming the entry.
    """
    if not text:
        return DEFAULT_WORKLOADS
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsInvalidError("scale_targets: it is no JSON") from error
    if not isinstance(entries, list) or not entries:
        raise SettingsInvalidError("scale_targets: a JSON list of one kind or more is needed")
    found: dict[tuple[str, str], Workload] = {}
    for index, entry in enumerate(entries):
        workload = _workload(f"scale_targets[{index}]", entry)
        if workload.identity in found:
            raise SettingsInvalidError(f"scale_targets[{index}]: {workload.kind} is listed twice")
        found[workload.identity] = workload
    return tuple(found.values())


def _workload(where: str, entry: Any) -> Workload:
    if not isinstance(entry, dict) or not _FIELDS >= entry.keys() >= _FIELDS - {"resource"}:
        raise SettingsInvalidError(f"{where}: apiVersion, kind and, if need be, resource are needed, and nothing else")
    api_version, kind = str(entry["apiVersion"]), str(entry["kind"])
    plural = str(entry.get("resource") or f"{kind.lower()}s")
    for name, value, form in (
        ("apiVersion", api_version, _API_VERSION),
        ("kind", kind, _KIND),
        ("resource", plural, _PLURAL),
    ):
        if not form.fullmatch(value):
            raise SettingsInvalidError(f"{where}.{name}: {value[:64]!r} makes no sense")
    group, _, version = api_version.rpartition("/")
    return Workload(kind=kind, group=group, version=version, plural=plural)
