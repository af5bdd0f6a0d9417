"""Names by which people tell policies apart whose manifests have one name. Pure. `reading` calls it."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Named(NamedTuple):
    """What a manifest is called: its kind for short, its namespace (empty: none), its name, and its file."""

    kind: str
    namespace: str
    name: str
    file: str


def names_of(manifests: Sequence[Named]) -> list[str]:
    """Return a name for each: KIND/NAME, and of those of one name as much more as tells them apart.

    That is the namespace where they differ in it, else the file where they differ in that, else a number.
    """
    names = [f"{each.kind}/{each.name}" for each in manifests]
    spaced = [f"{each.kind}/{each.namespace}/{each.name}" if each.namespace else None for each in manifests]
    names = _clearer(names, [longer or name for longer, name in zip(spaced, names, strict=True)])
    names = _clearer(names, [f"{name} ({each.file})" for name, each in zip(names, manifests, strict=True)])
    return list(_numbered(names))


def _clearer(names: Sequence[str], longer: Sequence[str]) -> list[str]:
    """Return the longer names of those that have one name and several longer ones."""
    several = defaultdict(set)
    for name, long in zip(names, longer, strict=True):
        several[name].add(long)
    return [long if len(several[name]) > 1 else name for name, long in zip(names, longer, strict=True)]


def _numbered(names: Sequence[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} #{seen[name]}"
