"""The tables of the law's figures show all that the bench has recorded, where a page asks for them."""

import json

import pytest

from docs.law import END, MAIN, NAMES, RESULT, with_law

RECORDED = json.loads(RESULT.read_text())["details"]
MARK = "<!-- generated: the law's policies -->\n"


def test_every_policy_of_the_record_has_a_name_on_the_pages() -> None:
    assert set(RECORDED[MAIN]) <= set(NAMES)


def test_a_page_gets_a_row_for_each_policy_and_is_the_same_when_it_is_generated_again() -> None:
    page = with_law(f"before\n{MARK}{END}after\n")
    assert page.count("\n| ") == 1 + len(RECORDED[MAIN])
    assert with_law(page) == page


@pytest.mark.parametrize("page", ["no mark\n", f"{MARK}no end\n"])
def test_a_page_without_marks_is_an_error(page: str) -> None:
    with pytest.raises(ValueError, match="the page needs"):
        with_law(page)
