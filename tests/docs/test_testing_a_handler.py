"""The example of docs/worker-tools.md, "Testing a handler", works as it is written."""

import re
from pathlib import Path

import pytest

from docs.markdown import blocks
from queueworker.hooks import REGISTRY

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[2] / "docs" / "worker-tools.md"
FILE = re.compile(r"test: (\w+\.py)")


def test_the_tests_of_the_page_pass(pytester: pytest.Pytester) -> None:
    files = {found[1]: each.text for each in blocks(PAGE.read_text()) if (found := FILE.fullmatch(each.comment))}
    assert set(files) == {"shop.py", "test_shop.py"}
    for name, text in files.items():
        pytester.path.joinpath(name).write_text(text)
    options = ("-p", "queueworker.pytest_plugin", "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
    pytester.runpytest(*options).assert_outcomes(passed=files["test_shop.py"].count("def test_"))
    assert not REGISTRY.middleware
