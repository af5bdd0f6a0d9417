"""The only adapter to ruamel.yaml: writes pools as YAML with comments. Pure.

`conversion` calls it. It writes what Kubernetes' YAML parser reads as the same values; `documents` reads.
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple

from queueworkerpool.errors import ImportUnavailableError
from queueworkerpool.importing.source import Path
from queueworkerpool.validate.documents import resolve

try:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString
except ModuleNotFoundError as error:
    raise ImportUnavailableError(
        "`qwp import` needs the library ruamel.yaml, which is not installed here, nor in the operator's image: "
        "install `queueworkerpool[cli]` with pip where you call it"
    ) from error

_WIDTH = 4096  # no line is folded: a URL or a comment stays as it is


class Beside(NamedTuple):
    """The comments of one field: those in the lines before it, and the one at its end."""

    before: tuple[str, ...] = ()
    end: str = ""


def write(pool: Mapping[str, Any], head: Sequence[str], beside: Mapping[Path, Beside]) -> str:
    """Return a pool as a YAML document.

    Args:
        pool: The object.
        head: The comment lines before it.
        beside: The comments of its fields.
    """
    yaml = YAML(typ="rt")
    yaml.width = _WIDTH
    yaml.default_flow_style = False
    into = StringIO()
    yaml.dump(_commented(pool, (), beside), into)
    lines = ["---", *(f"# {_line(each)}".rstrip() for each in head)]
    return "\n".join(lines) + "\n" + into.getvalue()


def _commented(value: Any, path: Path, beside: Mapping[Path, Beside]) -> Any:
    if isinstance(value, dict):
        return _mapping(value, path, beside)
    if isinstance(value, list):
        items = CommentedSeq([_commented(item, (*path, index), beside) for index, item in enumerate(value)])
        for index, item in enumerate(value):
            _put_before(items, index, _before_item(item, (*path, index), beside), path[:-1])
        return items
    return _quoted(value) if isinstance(value, str) else value


def _mapping(value: Mapping[str, Any], path: Path, beside: Mapping[Path, Beside]) -> CommentedMap:
    made = CommentedMap()
    for key, inner in value.items():
        written = _quoted(key)
        made[written] = _commented(inner, (*path, key), beside)
        found = beside.get((*path, key), Beside())
        if not (made.keys() == {written} and path and isinstance(path[-1], int)):
            _put_before(made, written, found.before, path)
        if found.end and not isinstance(inner, (dict, list)):
            made.yaml_add_eol_comment(_line(found.end), written)
    return made


def _before_item(item: Any, path: Path, beside: Mapping[Path, Beside]) -> tuple[str, ...]:
    """Return the lines before an item of a list: its own, and those of its first field, beside the dash."""
    own = beside.get(path, Beside()).before
    first = next(iter(item), None) if isinstance(item, dict) else None
    return own if first is None else own + beside.get((*path, first), Beside()).before


def _put_before(made: CommentedMap | CommentedSeq, key: Any, lines: tuple[str, ...], path: Path) -> None:
    if before := [_line(each) for each in lines]:
        indent = 2 * sum(1 for part in path if isinstance(part, str))
        made.yaml_set_comment_before_after_key(key, before="\n".join(before), indent=indent)


def _quoted(text: str) -> str:
    """Return a text so that Kubernetes reads it as text: `on`, `012` and `1e3` need quotes."""
    return text if resolve(text) == text and "\n" not in text else DoubleQuotedScalarString(text)


def _line(text: str) -> str:
    """Return a text that stays within one comment line."""
    return "".join(char if char.isprintable() else " " for char in text)
