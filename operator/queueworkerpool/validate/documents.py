"""The only adapter to PyYAML: reads manifests into the values that kubectl would send as JSON, and their comments.

`verdicts`, `crd` and `importing` call it. It reads as Kubernetes' own YAML parser does, not as PyYAML's loaders do:
`1e2` is a number, `yes` is a boolean, `1:30` and dates are text, and of a repeated or merged key the last value counts.
It builds the values itself, from PyYAML's events, so that a hostile file cannot exceed the limits of aliases, nesting
and size. It knows nothing of pools.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Self

import yaml

from queueworkerpool.errors import QueueWorkerPoolError

MAX_VALUES = 300_000
"""The limit of values in a file, each use of an alias counted; the largest pool has a few hundred."""

MAX_DEPTH = 200
"""The limit of nested levels."""

_SEPARATOR = re.compile(r"^---[^\S\n]*(?:#.*)?$", re.MULTILINE)  # what kubectl splits at, before it parses
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_TAG = "tag:yaml.org,2002:"
_TAGGED = {_TAG + "null": (type(None),), _TAG + "bool": (bool,), _TAG + "int": (int,), _TAG + "float": (int, float)}
_INT64 = range(-(2**63), 2**63)
_UINT64_END = 2**64
_LONGEST_INTEGER = 1000  # digits: far more than 64 bits need, and few enough to parse quickly
# The C parser where PyYAML was built with it; both parse the same language.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DocumentBrokenError(QueueWorkerPoolError):
    """A file, or one document in it, is not YAML, or exceeds a limit. The text names the line.

    Args:
        problem: What is wrong.
        line: Where; None when it is the file as a whole.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.problem = problem
        self.line = line
        self.document = ""
        """The text of the document, once `read` has yielded the error."""
        self.first_line = 1
        """The line at which that begins."""

    def within(self, document: str, first_line: int) -> Self:
        """Return the error with the document that it is about."""
        self.document, self.first_line = document, first_line
        return self


class Duplicate(NamedTuple):
    """A key that is repeated in a mapping."""

    path: str
    key: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, the line at which it begins, its repeated keys, and where its fields are, if asked."""

    value: Any
    line: int
    duplicates: tuple[Duplicate, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)


def read(text: str, *, with_lines: bool = False) -> Iterator[Document | DocumentBrokenError]:
    """Yield the documents of a file in order, and the error of a broken one in its place; empty ones are left out.

    Args:
        text: The file.
        with_lines: Whether documents carry the line of each field and item, which takes time.
    """
    budget = _Budget()
    for chunk, line in _chunks(text):
        try:
            yield from _documents(chunk, line, budget, with_lines=with_lines)
        except DocumentBrokenError as error:
            yield error.within(chunk, line)
            if budget.left < 0:
                return
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = line + (mark.line if mark else 0)
            problem = error.problem or error.context or "it cannot be parsed"
            yield DocumentBrokenError(problem, where).within(chunk, line)
        except yaml.YAMLError as error:  # a reader's error: a character that YAML forbids
            yield DocumentBrokenError(" ".join(str(error).split()), line).within(chunk, line)


class Comment(NamedTuple):
    """A comment, without its #, and whether it ends a line that holds more."""

    line: int
    text: str
    follows_value: bool


def comments_of(text: str) -> Iterator[Comment]:
    """Yield the comments of a file in order, as far as its documents are YAML."""
    for chunk, line in _chunks(text):
        if "#" not in chunk:  # tokens take time
            continue
        end, end_line = 0, line
        try:
            for token in yaml.scan(chunk, Loader=yaml.SafeLoader):
                between = chunk[end : token.start_mark.index]
                if "#" in between:
                    yield from _comments(between, chunk[chunk.rfind("\n", 0, end) + 1 : end], end_line)
                if token.end_mark.index > end:
                    end, end_line = token.end_mark.index, line + token.end_mark.line
        except yaml.YAMLError:
            continue


def _comments(between: str, before: str, line: int) -> Iterator[Comment]:
    """Yield the comments between two tokens, where # begins one and nothing else; `before` is on the first line too."""
    for number, text in enumerate(between.split("\n")):
        _, sign, comment = text.partition("#")
        if sign:
            yield Comment(line + number, comment.lstrip("#").strip(), number == 0 and bool(before.strip()))


def _chunks(text: str) -> Iterator[tuple[str, int]]:
    begin, line = 0, 1
    for separator in _SEPARATOR.finditer(text):
        yield text[begin : separator.start()], line
        line += text.count("\n", begin, separator.end())
        begin = separator.end()
    yield text[begin:], line


def _documents(chunk: str, line: int, budget: "_Budget", *, with_lines: bool) -> Iterator[Document]:
    loader = _LOADER(chunk)
    try:
        while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                first = loader.peek_event()
                built = _Builder(loader, line, budget, lines={} if with_lines else None)
                value = built.value("")
                if value is not None:
                    yield Document(value, line + first.start_mark.line, tuple(built.duplicates), built.lines or {})
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Budget:
    left: int = MAX_VALUES

    def spend(self, values: int, line: int) -> None:
        self.left -= values
        if self.left < 0:
            problem = f"more than {MAX_VALUES} values, aliases counted; split the file, or write fewer aliases"
            raise DocumentBrokenError(problem, line)


@dataclass(slots=True)
class _Builder:
    """Builds the value of one document from the parser's events."""

    loader: Any
    offset: int
    budget: _Budget
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    duplicates: list[Duplicate] = field(default_factory=list)
    lines: dict[str, int] | None = None
    depth: int = 0

    def value(self, path: str) -> Any:
        """Build the next value; `path` is where it is, as the API server writes it."""
        event = self.loader.get_event()
        line = self.offset + event.start_mark.line
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", line)
        self.budget.spend(1, line)
        before = self.budget.left
        if isinstance(event, yaml.ScalarEvent):
            built = _scalar(event, line)
        else:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise DocumentBrokenError(f"nested deeper than {MAX_DEPTH} levels", line)
            built = self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)
            self.depth -= 1
        if event.anchor:
            self.anchors[event.anchor] = built, before - self.budget.left + 1
        return built

    def _alias(self, anchor: str, line: int) -> Any:
        if anchor not in self.anchors:
            raise DocumentBrokenError(f"alias *{anchor} has no anchor before it, or stands within it", line)
        built, size = self.anchors[anchor]
        self.budget.spend(size, line)
        return built

    def _sequence(self, path: str) -> list[Any]:
        items: list[Any] = []
        while not isinstance(self.loader.peek_event(), yaml.SequenceEndEvent):
            where = f"{path}[{len(items)}]"
            if self.lines is not None:
                self.lines[where] = self.offset + self.loader.peek_event().start_mark.line
            items.append(self.value(where))
        self.loader.get_event()
        return items

    def _mapping(self, path: str) -> dict[str, Any]:
        whole: dict[str, Any] = {}
        written: set[str] = set()
        while not isinstance(event := self.loader.peek_event(), yaml.MappingEndEvent):
            line = self.offset + event.start_mark.line
            is_merge = isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]
            key = _key(self.value(path), line)
            where = f"{path}.{key}" if path else key
            if is_merge:
                whole |= _merge(self.value(where), line)
                continue
            if key in written:
                self.duplicates.append(Duplicate(where, key, line))
            written.add(key)
            if self.lines is not None:
                self.lines[where] = line
            whole[key] = self.value(where)
        self.loader.get_event()
        return whole


def _merge(value: Any, line: int) -> dict[str, Any]:
    """Return what `<<` merges: a mapping, or several, of which the first that has a key wins."""
    whole: dict[str, Any] = {}
    for part in reversed(value if isinstance(value, list) else [value]):
        if not isinstance(part, dict):
            raise DocumentBrokenError("<< needs a mapping or a list of mappings", line)
        whole |= part
    return whole


def _key(key: Any, line: int) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None or isinstance(key, (dict, list)):
        raise DocumentBrokenError("a key must be text", line)
    return str(key)


def _scalar(event: Any, line: int) -> Any:
    is_plain = event.tag is None and event.implicit[0]
    if not is_plain and event.tag not in _TAGGED:
        return event.value
    value = resolve(event.value)
    if not is_plain and type(value) not in _TAGGED[event.tag]:
        raise DocumentBrokenError(f"{event.value!r} is not what its tag says, {event.tag[len(_TAG) :]}", line)
    if isinstance(value, float) and not math.isfinite(value):
        raise DocumentBrokenError(f"{event.value} is no number that JSON, and so Kubernetes, can hold", line)
    return value


def resolve(text: str) -> Any:
    """Return the value that Kubernetes reads from a plain scalar; a whole number beyond 64 bits becomes a float."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    plain = text.replace("_", "")
    if text[0] != "." and (number := _integer(plain)) is not None:
        return number
    number = float(plain) if _FLOAT.fullmatch(plain) else math.inf
    if math.isinf(number):
        return text  # also a number that no float can hold
    whole = int(Decimal(repr(number)))  # by its digits, as JSON would carry it
    return whole if whole == number and whole in _INT64 else number


def _integer(plain: str) -> int | float | None:
    """Return a whole number of 64 bits, as a float where its sign takes none; None for every other text."""
    if len(plain) > _LONGEST_INTEGER or not _INTEGER.fullmatch(plain):
        return None
    digits = plain.lstrip("+-").lower()
    base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2], 8 if digits[0] == "0" else 10)
    number = int(digits, base) * (-1 if plain[0] == "-" else 1)
    if number in _INT64:
        return number
    return float(number) if plain[0] not in "+-" and number < _UINT64_END else None
