"""A pool in the making: its fields, where each came from, and what is to be said of the rest. Pure.

The modules of the kinds fill one per object; `conversion` turns it into the result.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from queueworkerpool.importing.source import Path, RefusedError, SourceObject

_OWNERS = (
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/instance",
    "applyset.kubernetes.io/",
    "argocd.argoproj.io/instance",
    "argocd.argoproj.io/tracking-id",
    "config.k8s.io/owning-inventory",
    "helm.sh/chart",
    "kapp.k14s.io/",
    "kubectl.kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "objectset.rio.cattle.io/",
    "scaledobject.keda.sh/",
    "autoscaling.keda.sh/",
    "validations.keda.sh/",
)
"""Labels and annotations of the object's owner: with them, its tool would take the pool for its own, and delete it."""


class Note(NamedTuple):
    """A field that is not carried over as it was, and what happens instead."""

    path: Path
    text: str


class Bound(NamedTuple):
    """The least and the most of a pool's field."""

    least: int
    most: int


@dataclass(slots=True)
class Draft:
    """A pool in the making, from one object."""

    source: SourceObject
    fields: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def put(self, where: Path, value: Any, origin: Path) -> None:
        """Set a field of the pool, which came from a field of the source."""
        inner: Any = self.fields
        for part in where[:-1]:
            inner = inner.setdefault(part, {})
        inner[where[-1]] = value
        self.origins[where] = origin

    def note(self, path: Path, text: str) -> None:
        """Say what becomes of a field."""
        if (note := Note(path, text)) not in self.notes:
            self.notes.append(note)

    def bounded(self, path: Path, number: int, bound: Bound, unit: str) -> int:
        """Return a number within the bounds of a pool's field, and say so when they change it."""
        within = min(max(number, bound.least), bound.most)
        if within != number:
            limit = f"at least {bound.least}" if number < bound.least else f"at most {bound.most}"
            self.note(path, f"a pool takes {limit} {unit}, so it is {within}")
        return within

    def put_metadata(self) -> None:
        """Take over name, namespace, labels and annotations, without those of the object's owner."""
        for name in ("name", "namespace"):
            if text := self.source.text(("metadata", name)):
                self.put(("metadata", name), text, ("metadata", name))
        if not self.source.name:
            raise RefusedError(("metadata", "name"), "it is missing: write a name such as orders")
        for group in ("labels", "annotations"):
            for key in self.source.mapping(("metadata", group)):
                at = ("metadata", group, key)
                if not key.startswith(_OWNERS):
                    self.put(at, self.source.text(at), at)

    def put_sizes(self, low: Path, high: Path, *, least: int, most: int | None) -> None:
        """Take over the bounds of the replicas, with the source's defaults where it has none written."""
        bottom, top = self.source.integer(low), self.source.integer(high)
        minimum = least if bottom is None else bottom
        maximum = top if top is not None else most
        if maximum is None:
            raise RefusedError(high, "it is missing: write the most pods, such as 10")
        if minimum < 0:
            raise RefusedError(low, f"{minimum} is below zero: write 0 or more")
        if maximum < 1:
            raise RefusedError(high, f"{maximum} pods are the most, so nothing can be scaled: write 1 or more")
        if minimum > maximum:
            raise RefusedError(low, f"{minimum} is above the maximum, {maximum}: lower it, or raise the maximum")
        bound = Bound(0, 100_000)
        if minimum:
            self.put(("spec", "minReplicas"), self.bounded(low, minimum, bound, "pods"), low)
        self.put(("spec", "maxReplicas"), self.bounded(high, maximum, bound, "pods"), high)
