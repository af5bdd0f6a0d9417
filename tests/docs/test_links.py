"""Every link of every Markdown file in the repository leads somewhere."""

import re
from pathlib import Path

import pytest

from docs.markdown import Block, anchors, blocks, links, relinked

ROOT = Path(__file__).parents[2]
LEFT_OUT = {".venv", ".site", ".e2e", "dist", "node_modules", ".pytest_cache"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not LEFT_OUT & set(path.relative_to(ROOT).parts) and path.is_file()
)
ABROAD = re.compile(r"https://(?!localhost|127\.|10\.|192\.168\.)[a-z0-9-]+(\.[a-z0-9-]+)+(/[^\s]*)?")


def broken(page: Path, text: str) -> list[str]:
    """Return the links of a page that lead nowhere, or to where a reader cannot go."""
    return [link for link in links(text) if not (ABROAD.fullmatch(link) if ":" in link else leads(page, text, link))]


def leads(page: Path, text: str, link: str) -> bool:
    """Return whether a link into the repository leads to a file or folder, and to a place in it."""
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not fragment or fragment in anchors(target.read_text() if path else text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert broken(page, page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_picture_says_in_words_what_it_shows(page: Path) -> None:
    assert [words for words in re.findall(r"!\[([^\]]*)\]\(", page.read_text()) if len(words.split()) < 5] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](README.md), ![b](docs), [c](#a-heading)\n\n## A heading", []),
        ("[a](none.md)", ["none.md"]),
        ("![a](docs/none.svg)", ["docs/none.svg"]),
        ("[a](#none)\n", ["#none"]),
        ("[a](CONTRIBUTING.md#none)", ["CONTRIBUTING.md#none"]),
        ("[a](../README.md)", ["../README.md"]),
        ("[a](https://example.com/b?c#d)", []),
        ("[a](http://example.com)", ["http://example.com"]),
        ("[a](https://localhost:8080)", ["https://localhost:8080"]),
        ("`[a](none)`\n\n    [a](none)\n\n```\n[a](none)\n```\n", []),
    ],
)
def test_a_broken_link_is_found(text: str, found: list[str]) -> None:
    assert broken(ROOT / "README.md", text) == found


def test_headings_have_the_anchors_that_the_projects_host_gives_them() -> None:
    text = '# Worker: `--exec` & co.\n## Same\n## Same\n```\n# none\n```\n<a id="place"></a>\n## A [link](x.md)\n'
    assert anchors(text) == {"worker---exec--co", "same", "same-1", "place", "a-link"}


def test_blocks_have_their_language_and_the_comment_above() -> None:
    text = "a\n<!-- test: x -->\n```sh\nkubectl get\n```\n\n```\nplain\n```\n"
    assert list(blocks(text)) == [Block(3, "sh", "kubectl get", "test: x"), Block(7, "", "plain", "")]


def test_links_are_replaced_and_code_is_left_alone() -> None:
    text = "[a](b.md) `[a](b.md)` ![p](q.svg)\n    [a](b.md)\n"
    assert relinked(text, str.upper) == "[a](B.MD) `[a](b.md)` ![p](Q.SVG)\n    [a](B.MD)\n"
