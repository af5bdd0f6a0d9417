"""Reads files into the objects that are imported, and says of what is none why. Pure. `conversion` calls it.

One broken document does not hide the others. A template of Helm is told apart from broken YAML, and from an object that
holds templates of others: alerts, dashboards and workflows do, also once a chart is rendered.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from queueworkerpool.importing.source import Place, SourceObject
from queueworkerpool.validate.documents import Document, DocumentBrokenError, read

_TEMPLATE = "{{"
_RENDER = "it is a template ({{ … }}) and not yet YAML: render it first, such as by `helm template .`"
_GROUPS = ("keda.sh", "keda.k8s.io", "autoscaling", "metrics.aws", "k8s.practo.dev")
"""The groups of what is imported, beside which an object of a chart may hold templates of its own."""


class Unread(NamedTuple):
    """A document, or an object in it, that cannot be read, and why."""

    place: Place
    field: str
    problem: str


def read_file(file: str, text: str) -> Iterator[SourceObject | Unread]:
    """Yield the objects of a file in order, those of a list one by one."""
    for document in read(text, with_lines=True):
        if isinstance(document, DocumentBrokenError):
            yield _broken(file, document)
        else:
            yield from _objects(file, document, document.value, "")


def _broken(file: str, error: DocumentBrokenError) -> Unread:
    before, opened, _ = error.document.partition(_TEMPLATE)
    if opened:
        return Unread(Place(file, error.first_line + before.count("\n")), "", _RENDER)
    return Unread(Place(file, error.line), "", f"it cannot be read: {error.problem}")


def _objects(file: str, document: Document, value: Any, path: str) -> Iterator[SourceObject | Unread]:
    """Yield the objects of a document; `path` is where this one is, with a dot at its end."""
    line = document.lines.get(path.removesuffix("."), document.line)
    if not isinstance(value, dict):
        yield Unread(Place(file, line), "", "it is no object: an object has apiVersion, kind, metadata and spec")
        return
    if isinstance(items := value.get("items"), list) and str(value.get("kind", "")).endswith("List"):
        for index, item in enumerate(items):
            yield from _objects(file, document, item, f"{path}items[{index}].")
        return
    lines = {where.removeprefix(path): at for where, at in document.lines.items() if where.startswith(path)}
    if found := _template(_renderable(value), ""):
        yield Unread(Place(file, lines.get(found, line)), found, _RENDER)
    elif missing := next((name for name in ("apiVersion", "kind") if not isinstance(value.get(name), str)), None):
        yield Unread(Place(file, line), missing, "it is missing, or no text: write the one of the object's kind")
    else:
        yield SourceObject(file, value, line, lines)


def _renderable(value: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an object that must be rendered: all of what is imported, of others what they are."""
    head = {name: value.get(name) for name in ("apiVersion", "kind")}
    return value if str(head["apiVersion"]).rpartition("/")[0] in _GROUPS else head


def _template(value: Any, path: str) -> str:
    """Return the path of the first text that is a template; empty when there is none."""
    if isinstance(value, dict):
        inner: Iterator[tuple[str, Any]] = ((f"{path}.{key}" if path else key, each) for key, each in value.items())
    elif isinstance(value, list):
        inner = ((f"{path}[{index}]", each) for index, each in enumerate(value))
    else:
        return path if isinstance(value, str) and _TEMPLATE in value else ""
    return next((found for where, each in inner if (found := _template(each, where))), "")
