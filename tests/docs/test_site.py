"""The site: what it is made of, that it is whole, and that its reader needs no network."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs import site

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\ssrc="?(https?:)?//|<link\b(?![^>]*rel="?canonical)[^>]*\shref="?(https?:)?//"""
)
LINK = re.compile(r'<(?:a|img|script|link)\b[^>]*\s(?:href|src)="(?!https:|mailto:|data:|javascript:)([^"]+)"')


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    target = tmp_path_factory.mktemp("site")
    site.build(ROOT, target)
    return target / "html"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the site is made of, to break."""
    git = shutil.ignore_patterns(".*", "__pycache__", "previous.tar.xz")
    return Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=git))


def test_every_page_of_docs_is_in_the_site(html: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not (html / page).exists()} == set()


def test_every_page_leads_to_every_part(html: Path) -> None:
    text = (html / "worker.html").read_text()
    there = [title for part in site.NAV.values() for title, source in part.items() if (ROOT / source).exists()]
    assert [title for title in there if title not in text] == []
    assert [folder for folder in site.FOLDERS if folder not in text] == []


def test_every_link_of_the_site_leads_to_a_file_and_a_place_in_it(html: Path) -> None:
    texts = {page: page.read_text() for page in html.rglob("*.html") if page.name != "404.html"}
    broken = []
    for page, text in texts.items():
        for link in LINK.findall(text):
            path, _, place = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (place and f'id="{place}"' not in texts[target]):
                broken.append(f"{page.relative_to(html)}: {link}")
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(html: Path) -> None:
    found = {page.name: match[0] for page in html.rglob("*.html") if (match := FETCHED.search(page.read_text()))}
    assert found == {}


def test_what_pages_link_to_outside_of_docs_is_beside_them(html: Path) -> None:
    assert (html / "files/benchmarks/results/reaction.json").exists()
    assert "../files/" not in (html / "index.html").read_text()
    assert 'href="files/examples/quickstart.yaml"' in (html / "index.html").read_text()


@pytest.mark.parametrize(
    ("page", "text", "complaint"),
    [
        ("docs/worker.md", "[a](none.md)", "none.md"),
        ("docs/worker.md", "[a](scale-in.md#none)", "anchor does not exist"),
        ("docs/worker.md", "![a](none.svg)", "none.svg"),
        ("docs/another.md", "# Another", "docs/another.md"),
    ],
)
def test_a_site_that_is_not_whole_is_not_built(copy: Path, page: str, text: str, complaint: str) -> None:
    with (copy / page).open("a") as file:
        file.write(f"\n{text}\n")
    with pytest.raises(site.SiteError, match=re.escape(complaint)):
        site.build(copy, copy / "site")
