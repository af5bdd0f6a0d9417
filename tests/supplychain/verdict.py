"""Judges pip-audit's answer. Pure; what was not checked is unknown, and that is not clean."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences on known vulnerabilities, and the names of what was not checked."""

    vulnerable: tuple[str, ...]
    unchecked: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """1: a vulnerability is known. 2: none is, but not all was checked. 0: clean."""
        return 1 if self.vulnerable else 2 if self.unchecked else 0


def verdict(answer: str, locked: set[str]) -> Verdict:
    """Judge what pip-audit wrote about these locked packages, whether it is JSON or not."""
    try:
        answered: list[dict[str, Any]] = json.loads(answer)["dependencies"]
        vulnerable = tuple(line for each in answered for line in _vulnerabilities(each))
        checked = {str(each["name"]).lower() for each in answered if isinstance(each.get("vulns"), list)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return Verdict((), tuple(sorted(locked)))
    return Verdict(vulnerable, tuple(sorted(locked - checked)))


def _vulnerabilities(dependency: dict[str, Any]) -> Iterator[str]:
    for found in dependency.get("vulns") or ():
        fixed = ", ".join(found.get("fix_versions") or ()) or "no version yet"
        yield f"{dependency['name']} {dependency['version']}: {found['id']}, fixed in {fixed}"
