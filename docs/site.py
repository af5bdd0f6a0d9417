"""Builds the docs as a site that needs no network, neither to be built nor to be read: `make docs`.

The pages are the repository's Markdown files as they are, so that they read the same where the code is. They are
copied into a folder of their own, `.site/pages`, because they link to files outside of docs/: a link to another page
becomes one to its copy, and any other file or folder that is linked to is copied beside them. `zensical` makes HTML of
it, in `.site/html`. A broken link, an anchor that is not there or a page that nothing leads to fails the build.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from docs.markdown import relinked

ROOT = Path(__file__).parent.parent
BUILD = ROOT / ".site"
CHART_README = "charts/queueworkerpool/README.md"
DEFINITION_README = "charts/queueworkerpool-crds/README.md"

ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    CHART_README: "chart.md",
    DEFINITION_README: "chart-of-the-definition.md",
}
"""Pages outside of docs/, and what they are in the site."""
NAV = {
    "Start": {
        "What it is": "README.md",
        "Start on this machine": "docs/start.md",
        "Install on EKS": "docs/eks.md",
        "Coming from KEDA": "docs/coming-from-keda.md",
        "From a primary server": "docs/modernize.md",
        "Comparison": "docs/comparison.md",
    },
    "Use": {
        "Sizing": "docs/sizing.md",
        "How the size is found": "docs/size.md",
        "Latency targets": "docs/latency.md",
        "Scaling in": "docs/scale-in.md",
        "The worker": "docs/worker.md",
        "Handlers": "docs/handlers.md",
        "Programs in any language": "docs/serve.md",
        "Tools beside the worker": "docs/worker-tools.md",
        "The planner": "docs/planner.md",
        "How true the planner is": "docs/planner-accuracy.md",
        "Troubleshooting": "docs/troubleshooting.md",
    },
    "Operate": {
        "The chart": CHART_README,
        "The definition's chart": DEFINITION_README,
        "GitOps": "docs/gitops.md",
        "Monitoring": "docs/monitoring.md",
        "Tenancy": "docs/tenancy.md",
        "Threat model": "docs/threat-model.md",
        "Reliability": "docs/reliability.md",
        "Where the limits are": "docs/scale-limits.md",
    },
    "Look up": {
        "Reference": "docs/reference.md",
        "Architecture": "docs/architecture.md",
        "Changelog": "CHANGELOG.md",
        "Contributing": "CONTRIBUTING.md",
    },
}
"""The parts of the site, in order: the title of each page in the navigation, and its file."""
FOLDERS = {"Runbooks": "docs/runbooks", "Decisions": "docs/adr"}
"""Parts that hold every page of a folder."""

CONFIG = """\
[project]
site_name = "queueworkerpool"
site_description = "Keeps a pool of queue workers at the right size for its SQS backlog"
docs_dir = "pages"
site_dir = "html"
use_directory_urls = false
extra_css = ["site.css"]
nav = {nav}

[project.theme]
language = "en"
font = false # none is fetched from elsewhere
features = ["content.code.copy", "navigation.footer", "navigation.top", "toc.follow", "search.highlight"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Switch to dark mode"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Switch to light mode"

[project.markdown_extensions]
admonition = {{}}
attr_list = {{}}
md_in_html = {{}}
pymdownx.highlight.pygments_lang_class = true
pymdownx.inlinehilite = {{}}
pymdownx.superfences = {{}}

[project.markdown_extensions.toc]
permalink = true
toc_depth = 3
slugify = {{ object = "pymdownx.slugs.slugify", kwds = {{ case = "lower" }} }} # as GitHub names headings
"""
CSS = """\
.md-grid { max-width: 72rem; }
.md-typeset table:not([class]) { font-size: .64rem; }
.md-typeset table:not([class]) :is(td, th) { padding: .5em .8em; min-width: 4rem; }
.md-typeset pre > code { font-size: .64rem; }
.md-typeset img[src$=".svg"] { display: block; margin: 1em auto; }
"""
"""Room for tables and for lines of code."""


class SiteError(Exception):
    """The site cannot be built; the text says why."""


def main() -> int:
    """Build the site into `.site/html`; return the exit code."""
    try:
        build(ROOT, BUILD)
    except SiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"written: {BUILD.relative_to(ROOT) / 'html' / 'index.html'}")
    return 0


def build(root: Path, target: Path) -> None:
    """Build the site of the repository at `root` into the folder `target`, which is emptied before.

    Raises:
        SiteError: a link leads nowhere, a page is in no part, or the generator complains.
    """
    shutil.rmtree(target, ignore_errors=True)
    stage(root, target / "pages")
    (target / "zensical.toml").write_text(CONFIG.format(nav=_toml(_nav(root))))
    program = Path(sys.executable).with_name("zensical")
    done = subprocess.run(
        [program, "build", "--strict", "--clean"],
        cwd=target,
        env=os.environ | {"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SiteError(done.stdout + done.stderr)


def stage(root: Path, pages: Path) -> None:
    """Copy the pages, and what they link to, into the folder `pages`."""
    copies = Copies(root, pages)
    for source in _sources(root):
        copies.add_page(source)
    copies.add_linked()
    (pages / "site.css").write_text(CSS)


def page_of(source: str) -> str | None:
    """Return where a file of the repository is as a page of the site, or None when it is none."""
    inside = source.removeprefix("docs/")
    if source in FOLDERS.values():
        return f"{inside}/index.md"
    return inside if inside != source and inside.endswith(".md") else ROOT_PAGES.get(source)


def copy_of(root: Path, source: str) -> str:
    """Return where a page, or any other file or folder that a page links to, is in the folder of pages."""
    copy = f"files/{source}/index.md" if (root / source).is_dir() else f"files/{source}"
    return page_of(source) or copy


class Copies:
    """The copies in the folder of pages.

    Args:
        root: The repository.
        pages: Where the copies go.
    """

    def __init__(self, root: Path, pages: Path) -> None:
        self._root, self._pages = root, pages
        self._linked: set[str] = set()

    def add_page(self, source: str) -> None:
        """Copy a page, or make one that lists a folder, with links that lead to copies."""
        self._add(source, copy_of(self._root, source))

    def add_linked(self) -> None:
        """Copy the other files that pages link to, and make a page for each folder."""
        while self._linked:
            source = self._linked.pop()
            copy = copy_of(self._root, source)
            if (self._pages / copy).exists():
                continue
            if (self._root / source).is_dir():
                self._add(source, copy)
            else:
                (self._pages / copy).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._root / source, self._pages / copy)

    def _add(self, source: str, page: str) -> None:
        path, target = self._root / source, self._pages / page
        text, base = (
            (_listing(path), source) if path.is_dir() else (path.read_text(), str(PurePosixPath(source).parent))
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(relinked(text, lambda link: self._link(link, base, page)))

    def _link(self, target: str, base: str, page: str) -> str:
        """Return the link of the page that leads to the copy of what the target names from the folder `base`."""
        path, mark, fragment = target.partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return target
        source = os.path.normpath(f"{base}/{path}")
        found = self._root / source
        if source.startswith("..") or not found.exists():
            raise SiteError(f"{page}: a link to {target}, which is not there")
        if page_of(source) is None:
            self._linked.add(source)
        return os.path.relpath(copy_of(self._root, source), PurePosixPath(page).parent) + mark + fragment


def _sources(root: Path) -> Iterator[str]:
    """Yield the pages' files and folders.

    Raises SiteError when a page of docs/ is in no part of the navigation.
    """
    listed = [source for part in NAV.values() for source in part.values()]
    lost = {f"docs/{path.name}" for path in (root / "docs").glob("*.md")} - set(listed)
    if lost:
        raise SiteError(f"in no part of NAV in docs/site.py: {', '.join(sorted(lost))}")
    yield from listed
    for folder in FOLDERS.values():
        yield folder
        yield from (path.relative_to(root).as_posix() for path in sorted((root / folder).glob("*.md")))


def _nav(root: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    sources = set(_sources(root))
    for part, titles in NAV.items():
        yield part, [(title, str(page_of(source))) for title, source in titles.items() if source in sources]
    for part, folder in FOLDERS.items():
        texts = [(path, path.read_text()) for path in sorted((root / folder).glob("*.md"))]
        pages = [(_title(text), str(page_of(path.relative_to(root).as_posix()))) for path, text in texts]
        yield part, [("All", str(page_of(folder))), *pages]


def _title(text: str) -> str:
    return text.splitlines()[0].removeprefix("# ")


def _toml(nav: Iterable[tuple[str, list[tuple[str, str]]]]) -> str:
    parts = (
        f'  {{"{part}" = [' + ", ".join(f'{{"{title}" = "{page}"}}' for title, page in pages) + "]}"
        for part, pages in nav
    )
    return "[\n" + ",\n".join(parts) + "\n]"


def _listing(folder: Path) -> str:
    """Return a page that lists what is in the folder."""
    inside = sorted(path for path in folder.iterdir() if path.name != "__pycache__" and path.suffix != ".pyc")
    rows = (f"- [{_title(path.read_text()) if path.suffix == '.md' else path.name}]({path.name})" for path in inside)
    return "\n".join([f"# {folder.name}", "", *rows, ""])


if __name__ == "__main__":
    sys.exit(main())
