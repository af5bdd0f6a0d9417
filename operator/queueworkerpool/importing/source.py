"""An object that is imported, and the readers of its fields: each refuses a value of the wrong type. Pure.

The modules of the kinds call it. A path is a tuple of keys and positions, for keys of annotations hold dots.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from queueworkerpool.errors import QueueWorkerPoolError
from queueworkerpool.validate.problems import shown

Path = tuple[str | int, ...]
"""Where a value is, from the object's root."""

_LONGEST_SHOWN = 80
_INT32 = range(-(2**31), 2**31)
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
"""What Go's strconv.ParseBool reads."""


def dotted(path: Path) -> str:
    """Return a path as the API server writes it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


class RefusedError(QueueWorkerPoolError):
    """An object cannot become a pool. The text says why, and what to do."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path


class Place(NamedTuple):
    """Where something is said of: a file, or the cluster, and the line where one is known."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One object of a file or a cluster.

    Args:
        file: The file's name, or what stands for the cluster.
        value: The object.
        line: The line at which it begins; None in a cluster.
        lines: The line of each field, by its dotted path.
    """

    file: str
    value: Mapping[str, Any]
    line: int | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Its kind; empty when it has none."""
        return _text_or_empty(self.value.get("kind"))

    @property
    def group(self) -> str:
        """Its API group; empty for the core group."""
        return _text_or_empty(self.value.get("apiVersion")).rpartition("/")[0]

    @property
    def version(self) -> str:
        """Its API version without the group."""
        return _text_or_empty(self.value.get("apiVersion")).rpartition("/")[2]

    @property
    def namespace(self) -> str:
        """Its namespace; empty when it has none."""
        return _text_or_empty(self._metadata().get("namespace"))

    @property
    def name(self) -> str:
        """Its name; empty when it has none."""
        return _text_or_empty(self._metadata().get("name"))

    @property
    def title(self) -> str:
        """Kind, namespace and name, for people."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def _metadata(self) -> Mapping[str, Any]:
        found = self.value.get("metadata")
        return found if isinstance(found, dict) else {}

    def place(self, path: Path = ()) -> Place:
        """Return where a field is, or the nearest field around it."""
        while path:
            if (line := self.lines.get(dotted(path))) is not None:
                return Place(self.file, line)
            path = path[:-1]
        return Place(self.file, self.line)

    def find(self, path: Path) -> Any:
        """Return the value at a path; None when there is none."""
        found: Any = self.value
        for part in path:
            if isinstance(part, int):
                found = found[part] if isinstance(found, list) and part < len(found) else None
            else:
                found = found.get(part) if isinstance(found, dict) else None
        return found

    def integer(self, path: Path) -> int | None:
        """Return the whole number at a path, also from text, as triggers have it. Raises RefusedError."""
        found = self.find(path)
        if found is None or found == "":
            return None
        number = _whole(found)
        if number is None or number not in _INT32:
            raise RefusedError(path, f"a whole number is needed, and {brief(found)} is none: write one such as 10")
        return number

    def required_integer(self, path: Path) -> int:
        """Return the whole number at a path. Raises RefusedError also when there is none."""
        number = self.integer(path)
        if number is None:
            raise RefusedError(path, "it is missing: write a whole number such as 10")
        return number

    def text(self, path: Path) -> str:
        """Return the text at a path; empty when there is none. Raises RefusedError."""
        found = self.find(path)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise RefusedError(path, f"text is needed, and {brief(found)} is none: put it in quotes")
        return found

    def required_text(self, path: Path, example: str) -> str:
        """Return the text at a path. Raises RefusedError also when there is none."""
        if not (found := self.text(path)):
            raise RefusedError(path, f"it is missing: write one such as {example}")
        return found

    def flag(self, path: Path, default: bool) -> bool:  # noqa: FBT001 -- the field's default, beside its path
        """Return the truth at a path, also from text, as triggers have it. Raises RefusedError."""
        found = self.find(path)
        if found is None or found == "":
            return default
        if isinstance(found, bool):
            return found
        if isinstance(found, str) and found in _TRUE | _FALSE:
            return found in _TRUE
        raise RefusedError(path, f'true or false is needed, and {brief(found)} is neither: write "true" or "false"')

    def mapping(self, path: Path) -> Mapping[str, Any]:
        """Return the object at a path; empty when there is none. Raises RefusedError."""
        found = self.find(path)
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise RefusedError(path, f"an object with fields is needed, and {brief(found)} is none")
        return found

    def objects(self, path: Path) -> Iterator[Path]:
        """Yield the paths of the objects in the list at a path. Raises RefusedError."""
        found = self.find(path)
        if found is None:
            return
        if not isinstance(found, list):
            raise RefusedError(path, f"a list is needed, and {brief(found)} is none: begin each item with '- '")
        for index in range(len(found)):
            self.mapping((*path, index))
            yield (*path, index)


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    try:
        return int(value) if isinstance(value, str) and value.isascii() else None
    except ValueError:
        return None


def brief(value: Any) -> str:
    """Return a value as a sentence can hold it."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = "null" if value is None else shown(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
