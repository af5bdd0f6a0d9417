"""What pip-audit's answers mean: only what was checked can be clean."""

import json
from typing import Any

import pytest

from tests.supplychain.verdict import Verdict, verdict

LOCKED = {"click", "urllib3"}
CLICK = {"name": "click", "version": "8.5.1", "vulns": []}
URLLIB3 = {"name": "urllib3", "version": "2.8.0", "vulns": []}
SKIPPED = {"name": "urllib3", "skip_reason": "Dependency not found and could not be audited: urllib3 (2.8.0)"}
FOUND = {"id": "PYSEC-2026-1", "fix_versions": ["2.8.1", "2.9.0"], "aliases": [], "description": ""}
SENTENCE = "urllib3 2.8.0: PYSEC-2026-1, fixed in 2.8.1, 2.9.0"


def answer_of(*dependencies: Any) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize(
    ("answer", "expected", "exit_code"),
    [
        pytest.param(answer_of(CLICK, URLLIB3), Verdict((), ()), 0, id="clean"),
        pytest.param(answer_of(CLICK, URLLIB3 | {"vulns": [FOUND]}), Verdict((SENTENCE,), ()), 1, id="vulnerable"),
        pytest.param(
            answer_of(SKIPPED, CLICK | {"vulns": [{"id": "X-1"}]}),
            Verdict(("click 8.5.1: X-1, fixed in no version yet",), ("urllib3",)),
            1,
            id="one vulnerable, one not checked",
        ),
        pytest.param(answer_of(CLICK, SKIPPED), Verdict((), ("urllib3",)), 2, id="one not checked"),
        pytest.param(answer_of(CLICK), Verdict((), ("urllib3",)), 2, id="one left out"),
        pytest.param(answer_of(CLICK, URLLIB3 | {"vulns": None}), Verdict((), ("urllib3",)), 2, id="no list"),
        pytest.param(answer_of(), Verdict((), ("click", "urllib3")), 2, id="nothing checked"),
        pytest.param("", Verdict((), ("click", "urllib3")), 2, id="no answer"),
        pytest.param("Traceback", Verdict((), ("click", "urllib3")), 2, id="no JSON"),
        pytest.param("[]", Verdict((), ("click", "urllib3")), 2, id="another shape"),
        pytest.param('{"dependencies": [null]}', Verdict((), ("click", "urllib3")), 2, id="an entry of another shape"),
    ],
)
def test_only_what_was_checked_is_clean(answer: str, expected: Verdict, exit_code: int) -> None:
    found = verdict(answer, LOCKED)
    assert found == expected
    assert found.exit_code == exit_code
