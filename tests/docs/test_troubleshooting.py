"""The page that says what to do about each reason, beside the code that uses them."""

import re

import pytest

from docs import troubleshooting
from queueworkerpool.names import Reason
from tests.unit.operator.fakes import condition, status_of
from tests.unit.operator.rows_of_names import CONDITIONS, EVENTS

PAGE = troubleshooting.troubleshooting()
ENTRIES = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_reason_has_one_entry() -> None:
    assert sorted(re.findall(r"^### (.+)$", PAGE, re.MULTILINE)) == sorted(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_an_entry_says_what_it_means_how_it_shows_and_what_to_do(reason: Reason) -> None:
    meaning, signs, remedy = re.fullmatch(
        r"\n(.+)\n\n- \*\*You see:\*\* (.+)\n- \*\*Do:\*\* (.+)\n+", ENTRIES[reason]
    ).groups()  # type: ignore[union-attr]  # an entry of another form should end the test
    assert meaning == reason.when
    assert signs.endswith(".")
    assert remedy == (reason.remedy or troubleshooting.NOTHING)


@pytest.mark.parametrize("reason", CONDITIONS)
def test_an_entry_names_the_condition_in_which_the_operator_reports_it(reason: Reason) -> None:
    kind, observation = CONDITIONS[reason]
    assert f"`{kind}` is {condition(status_of(observation), kind)['status']}" in ENTRIES[reason]


@pytest.mark.parametrize("reason", EVENTS)
def test_an_entry_names_the_event_that_is_posted(reason: Reason) -> None:
    kind, *_ = EVENTS[reason]
    assert ("A warning Event" if kind == "Warning" else "An Event") in ENTRIES[reason]


def test_a_reason_of_which_nothing_is_said_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(troubleshooting.SIGNS, Reason.READY)
    with pytest.raises(LookupError, match="how Ready shows"):
        troubleshooting.troubleshooting()
