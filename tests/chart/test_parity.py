"""The README's comparison with other charts: each of our values is one, and a test shows what it does."""

import re
from pathlib import Path
from typing import Any

import pytest

from charts.generate_readme import OTHERS, parity
from tests.chart.objects import DEFAULTS

HERE = Path(__file__).parent


@pytest.mark.parametrize("row", parity(), ids=lambda row: row["feature"])
def test_a_row_names_values_that_exist_and_a_test_that_shows_it(row: dict[str, Any]) -> None:
    """That each of them changes what is rendered: test_objects.py, test_every_value_works."""
    assert row.keys() == {"feature", "values", "test", "others"}
    assert [value for value in row["values"] if tuple(value.split(".")) not in DEFAULTS] == []
    assert tuple(row["others"]) == OTHERS
    file, _, test = row["test"].partition("::")
    text = (HERE / file).read_text()
    assert re.search(rf"^def {test}\(", text, re.MULTILINE), f"{file} has no {test}"
    assert [value for value in row["values"] if value.rpartition(".")[2] not in text] == [], (
        "the test shows something else"
    )
