"""A container's environment and command line, from the Pod to plain strings. PURE.

Values that live in other objects (config maps, secrets) arrive as a mapping that the caller has read.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

RESOURCES = {
    "configMapKeyRef": "configmaps",
    "configMapRef": "configmaps",
    "secretKeyRef": "secrets",
    "secretRef": "secrets",
}
REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
# (resource, object name) -> its data
Sources = Mapping[tuple[str, str], Mapping[str, str] | None]


class UnsupportedError(Exception):
    """The Pod asks for something that this node does not do, or names something that is not there."""


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace $(NAME) as Kubernetes does: unknown names stay as they are, $$ is one $."""

    def replacement(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return variables.get(found[1], found[0])

    return REFERENCE.sub(replacement, text)


def command(container: Mapping[str, Any], variables: Mapping[str, str]) -> list[str]:
    """Return the container's argument list; raises UnsupportedError where only an image has a command."""
    if not container.get("command"):
        raise UnsupportedError(
            f"container {container['name']} has no command, and this node has no images to take one from"
        )
    return [expand(word, variables) for word in [*container["command"], *container.get("args", [])]]


def references(container: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return (resource, name) of every config map and secret that the container's environment is taken from."""
    return {(RESOURCES[kind], source["name"]) for kind, source in _sources(container)}


def variables(
    container: Mapping[str, Any], pod: Mapping[str, Any], base: Mapping[str, str], sources: Sources
) -> dict[str, str]:
    """Return the container's environment: BASE, then envFrom, then env, the later winning."""
    result = dict(base)
    for entry in container.get("envFrom", []):
        result |= _whole_source(entry, sources)
    for entry in container.get("env", []):
        value = _value(entry, pod, result, sources)
        if value is not None:
            result[entry["name"]] = value
    return result


def _sources(container: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries: Sequence[Mapping[str, Any]] = [
        *container.get("envFrom", []),
        *(entry["valueFrom"] for entry in container.get("env", []) if "valueFrom" in entry),
    ]
    return ((kind, source) for entry in entries for kind, source in entry.items() if kind in RESOURCES)


def _whole_source(entry: Mapping[str, Any], sources: Sources) -> dict[str, str]:
    kind, reference = next((kind, entry[kind]) for kind in ("configMapRef", "secretRef") if kind in entry)
    data = sources.get((RESOURCES[kind], reference["name"]))
    if data is None and not reference.get("optional"):
        raise UnsupportedError(f"{kind} {reference['name']} is not there")
    return {entry.get("prefix", "") + key: value for key, value in (data or {}).items()}


def _value(
    entry: Mapping[str, Any], pod: Mapping[str, Any], variables: Mapping[str, str], sources: Sources
) -> str | None:
    source = entry.get("valueFrom")
    if source is None:
        return expand(entry.get("value", ""), variables)
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"])
    kind = next(iter(source))
    if kind not in RESOURCES:
        raise UnsupportedError(f"environment variable {entry['name']}: {kind} is not supported by this node")
    return _key(kind, source[kind], sources)


def _key(kind: str, reference: Mapping[str, Any], sources: Sources) -> str | None:
    value = (sources.get((RESOURCES[kind], reference["name"])) or {}).get(reference["key"])
    if value is None and not reference.get("optional"):
        raise UnsupportedError(f"{kind} {reference['name']}: key {reference['key']} is not there")
    return value


def field(pod: Mapping[str, Any], path: str) -> str:
    """Return the value of a downward API field, such as status.podIP or metadata.labels['app']."""
    keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if keyed:
        return str(pod["metadata"].get(keyed[1], {}).get(keyed[2], ""))
    if path in {"status.podIPs", "status.hostIPs"}:
        path = path.removesuffix("s")
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, str):
        raise UnsupportedError(f"field {path} is not supported by this node")
    return value


def decoded(resource: str, source: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return the data of a config map or secret as the API server sent it, in plain text; None when it is not there."""
    if source is None:
        return None
    data: Mapping[str, str] = source.get("data") or {}
    if resource == "secrets":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return dict(data)
