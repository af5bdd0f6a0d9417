"""What a Markdown file links to, where it can be linked to, and its blocks of code. Pure: texts in, values out."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^\s*(```+|~~~+)\s*(\S*)")
_CODE = re.compile(r"(`+)(?:(?!\1).)+?\1(?!`)")
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^()\s]+)(\))")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*#*$")
_PLACE = re.compile(r"<a id=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code."""

    line: int
    """The line of its fence, from 1."""
    language: str
    """The fence's first word; empty when there is none."""
    text: str
    comment: str
    """The HTML comment in the line before the fence, without its marks; empty when there is none."""


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks, in order."""
    lines = text.splitlines()
    start, fence, language = 0, "", ""
    for number, line in enumerate(lines, start=1):
        found = _FENCE.match(line)
        if not fence and found:
            start, fence, language = number, found[1], found[2]
        elif fence and line.strip() == fence:
            before = lines[start - 2].strip() if start > 1 else ""
            comment = before.removeprefix("<!--").removesuffix("-->").strip() if before.startswith("<!--") else ""
            yield Block(start, language, "\n".join(lines[start : number - 1]), comment)
            fence = ""


def marked(text: str, comment: str) -> list[Block]:
    """Return the fenced blocks below this comment, in order."""
    return [block for block in blocks(text) if block.comment == comment]


def links(text: str) -> list[str]:
    """Return the targets of links and pictures, in order, without what stands in code."""
    found: list[str] = []

    def remember(target: str) -> str:
        found.append(target)
        return target

    relinked(text, remember)
    return found


def relinked(text: str, target_of: Callable[[str], str]) -> str:
    """Return the text with each target of a link or picture replaced by what the function makes of it."""
    return "".join(line if code else _relinked_line(line, target_of) for line, code in _lines(text))


def anchors(text: str) -> set[str]:
    """Return the fragments that lead to places in the page: those that GitHub and the site give to headings."""
    seen: Counter[str] = Counter()
    found = set()
    for line, code in _lines(text):
        if code:
            continue
        found.update(_PLACE.findall(line))
        if heading := _HEADING.match(line.rstrip("\n")):
            slug = _slug(heading[1])
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def _slug(heading: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line with its end, and whether it is code: in a fence, or indented after an empty line or code."""
    fence, indented, empty = "", False, True
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        if fence:
            yield line, True
            fence = "" if line.strip() == fence else fence
        elif found:
            fence = found[1]
            yield line, True
        else:
            indented = line.startswith("    ") and (indented or empty) if line.strip() else indented
            yield line, indented
        empty = not line.strip()


def _relinked_line(line: str, target_of: Callable[[str], str]) -> str:
    code = [match.span() for match in _CODE.finditer(line)]

    def replaced(match: re.Match[str]) -> str:
        if any(start <= match.start(2) and match.end(2) <= end for start, end in code):
            return match[0]
        return match[1] + target_of(match[2]) + match[3]

    return _LINK.sub(replaced, line)
