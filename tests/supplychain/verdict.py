"""What pip-audit's answer means. Pure; what was not looked up is unknown, and that is not clean."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Verdict:
    """Sentences on known vulnerabilities, and the names of what was not looked up."""

    known: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """1: something is known. 2: nothing is, but not all was looked up. 0: clean."""
        return 1 if self.known else 2 if self.unknown else 0


def verdict(answer: str, locked: set[str]) -> Verdict:
    """Judge the JSON that pip-audit wrote about these locked packages, whatever it wrote."""
    try:
        told: list[dict[str, Any]] = json.loads(answer)["dependencies"]
        known = tuple(line for each in told for line in _known(each))
        looked_up = {str(each["name"]).lower() for each in told if isinstance(each.get("vulns"), list)}
    except (ValueError, LookupError, TypeError, AttributeError):
        return Verdict((), tuple(sorted(locked)))
    return Verdict(known, tuple(sorted(locked - looked_up)))


def _known(dependency: dict[str, Any]) -> Iterator[str]:
    for found in dependency.get("vulns") or ():
        fixed = ", ".join(found.get("fix_versions") or ()) or "no version yet"
        yield f"{dependency['name']} {dependency['version']}: {found['id']}, fixed in {fixed}"
