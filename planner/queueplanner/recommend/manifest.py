"""Manifests of pools as raw objects: changed field by field, checked by the operator's own `validate`. Pure.

The rest of `recommend` calls it. A field that is not there has its default, so a manifest holds what differs from it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from queueplanner.manifests import pools
from queueplanner.play import Candidate
from queueplanner.simulation import MONDAY
from queueworkerpool.names import GROUP, KIND, VERSION
from queueworkerpool.validate import Verdict, validate

Manifest = Mapping[str, Any]
Path = tuple[str, ...]

TARGET: Path = ("target",)
MIN: Path = ("minReplicas",)
ACTIVE_MIN: Path = ("activeMinReplicas",)
MAX: Path = ("maxReplicas",)
POLL: Path = ("pollSeconds",)
ZERO_AFTER: Path = ("scaleToZeroAfterSeconds",)
WINDOW: Path = ("behavior", "scaleDown", "stabilizationWindowSeconds")
SCHEDULES: Path = ("schedules",)

SEARCHED = (TARGET, MIN, ACTIVE_MIN, SCHEDULES, WINDOW, ZERO_AFTER, POLL)
"""The fields that are searched over."""

PLANNED = "planned-"
"""How the names of schedules begin that were learned from a load; others belong to the user."""

MOST_KNOWN = 10_000
"""Verdicts that are remembered: one takes 3 ms, and is asked for several times."""


class ManifestError(ValueError):
    """A manifest is not one valid pool; the text says why."""


def new(name: str, queue_url: str, most: int, target: Mapping[str, Any]) -> Manifest:
    """Return a pool that scales the Deployment of its own name, with every default."""
    spec = {"scaleTargetRef": {"name": name}, "queues": [{"url": queue_url}], "maxReplicas": most, "target": target}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": {"name": name}, "spec": spec}


def get(manifest: Manifest, path: Path) -> Any:
    """Return a field of the spec; None: it is not there."""
    return _get(manifest["spec"], path)


def put(manifest: Manifest, path: Path, value: Any) -> Manifest:
    """Return a manifest with a field of the spec set; None takes it out, and what is empty then."""
    return {**manifest, "spec": _put(manifest["spec"], path, value)}


def with_schedules(manifest: Manifest, learned: Sequence[Mapping[str, Any]]) -> Manifest:
    """Return a manifest with learned schedules in place of those that were learned before."""
    own = [each for each in get(manifest, SCHEDULES) or () if not each["name"].startswith(PLANNED)]
    return put(manifest, SCHEDULES, [*own, *learned] or None)


def key(manifest: Manifest) -> str:
    """Return what two manifests have in common that say the same."""
    return json.dumps(manifest, sort_keys=True)


def verdict(manifest: Manifest) -> Verdict:
    """Return what `qwp validate` says of it."""
    return _verdict(key(manifest))


def is_valid(manifest: Manifest) -> bool:
    """Return whether the API server would take it, and the operator too."""
    return not verdict(manifest).errors


def checked(manifest: Manifest) -> Manifest:
    """Return a manifest that somebody gave.

    Raises:
        ManifestError: It is not a valid pool.
    """
    found = verdict(manifest)
    if found.skipped:
        raise ManifestError(f"it is a {found.kind}, and a {KIND} is needed")
    if found.errors:
        raise ManifestError("\n".join(f"{each.field}: {each.message}" for each in found.errors))
    return manifest


_UNPAUSED = "it is played without its pausedUntil: a pool that keeps its size says nothing of other settings"


def candidate(manifest: Manifest, name: str = "recommended") -> Candidate:
    """Return the pool as something that can be played.

    Raises:
        ManifestError: It is not valid.
    """
    spec = verdict(checked(manifest)).spec
    assert spec is not None  # noqa: S101 -- a valid pool has one
    found = pools.candidate(name, replace(spec, paused_until=None))
    return replace(found, unchecked=(*found.unchecked, _UNPAUSED)) if spec.paused_until else found


def settings(manifest: Manifest) -> str:
    """Return what was searched over and differs from the defaults, in a line."""
    return ", ".join(_settings(manifest))


def changes(manifest: Manifest) -> int:
    """Return how many fields of those that are searched differ from their defaults."""
    fields = [get(manifest, path) for path in SEARCHED]
    return sum(len(value) if isinstance(value, list) else value is not None for value in fields)


def _settings(manifest: Manifest) -> Iterable[str]:
    target = get(manifest, TARGET)
    for path in SEARCHED:
        value = get(manifest, path)
        if path == TARGET:
            yield next(f"{name} {target[name]}" for name in ("messagesPerPod", "latencySeconds") if name in target)
        elif path == SCHEDULES:
            yield from (_schedule(each) for each in value or ())
        elif value is not None:
            yield f"{path[-1]} {value}"


def _schedule(schedule: Mapping[str, Any]) -> str:
    bounds = ", ".join(f"{name} {schedule[name]}" for name in ("minReplicas", "maxReplicas") if name in schedule)
    return f"{bounds} from '{schedule['cron']}' for {schedule['durationSeconds'] / 3600:.3g} h"


@lru_cache(maxsize=MOST_KNOWN)
def _verdict(text: str) -> Verdict:
    [found] = validate(text, MONDAY)
    return found


def _get(value: Any, path: Path) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _put(inner: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    first, *rest = path
    made = value if not rest else _put(inner.get(first) or {}, tuple(rest), value) or None
    whole = {name: each for name, each in inner.items() if name != first or made is not None}
    return whole if made is None else whole | {first: made}
