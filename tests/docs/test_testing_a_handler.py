"""The examples of tests of a handler, on docs/worker-tools.md and in the worker's README, pass as they are written."""

import re
from pathlib import Path

import pytest

from docs.markdown import blocks

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"test: (\w+\.py)")


def files_of_the_page() -> dict[str, str]:
    page = (ROOT / "docs/worker-tools.md").read_text()
    return {found[1]: each.text for each in blocks(page) if (found := FILE.fullmatch(each.comment))}


def files_of_the_readme() -> dict[str, str]:
    handler, test = (each.text for each in blocks((ROOT / "worker/README.md").read_text()) if each.language == "python")
    return {"handlers.py": handler, "test_handlers.py": test}


@pytest.mark.parametrize("files", [files_of_the_page(), files_of_the_readme()], ids=["page", "README"])
def test_the_examples_pass(pytester: pytest.Pytester, files: dict[str, str]) -> None:
    for name, text in files.items():
        pytester.path.joinpath(name).write_text(text)
    options = ("-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
    passed = sum(text.count("def test_") for text in files.values())
    assert passed
    pytester.runpytest(*options).assert_outcomes(passed=passed)
