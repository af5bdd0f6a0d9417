"""Which versions are in use, and whether they fit together. Pure. `qwp version` calls it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from queueworkerpool.model import InstalledOperator
from queueworkerpool.names import KIND
from queueworkerpool.show.text import printable

UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of this client and of a cluster.

    Args:
        client: This program's.
        operators: The operators that were found; a sentence where they may not be listed.
        definition: The custom resource definition's; empty: it names none; None: there is none.
        definition_refusal: Why the definition may not be read; empty when it was.
    """

    client: str
    operators: Sequence[InstalledOperator] | str
    definition: str | None
    definition_refusal: str = ""


def version_lines(versions: Versions) -> list[str]:
    """Return a line per version, and one for each pair that does not fit."""
    lines = [f"client: {versions.client}"]
    if isinstance(versions.operators, str):
        lines.append(f"operator: {UNKNOWN_VERSION}: {versions.operators}")
    elif not versions.operators:
        lines.append("operator: none found by the labels of our chart")
    else:
        lines += [f"operator: {_version(each)} ({each.key}, image {each.image})" for each in versions.operators]
    lines.append(f"custom resource definition: {_definition(versions)}")
    return [printable(line) for line in [*lines, *skews(versions)]]


def _version(operator: InstalledOperator) -> str:
    return operator.version or UNKNOWN_VERSION


def _definition(versions: Versions) -> str:
    if versions.definition_refusal:
        return f"{UNKNOWN_VERSION}: {versions.definition_refusal}"
    if versions.definition is None:
        return "not installed"
    return versions.definition or f"{UNKNOWN_VERSION}: it names none"


def skews(versions: Versions) -> Iterator[str]:
    """Yield a sentence for each pair of versions that differ; what is unknown differs from nothing."""
    known = [] if isinstance(versions.operators, str) else [each for each in versions.operators if each.version]
    for operator in known:
        if versions.definition and versions.definition != operator.version:
            what = f"the operator {operator.key} is {operator.version}, its custom resource definition"
            yield f"warning: {what} {versions.definition}: apply the {KIND} definition that belongs to the operator"
        if versions.client != operator.version:
            what = f"the operator {operator.key} is {operator.version}, this client {versions.client}"
            yield f"warning: {what}: install the client of the same version, or upgrade the operator"


def version_document(versions: Versions) -> dict[str, Any]:
    """Return the same as JSON; null is what is not known."""
    operators = None if isinstance(versions.operators, str) else versions.operators
    return {
        "client": versions.client,
        "operators": operators
        if operators is None
        else [
            {
                "namespace": each.key.namespace,
                "name": each.key.name,
                "version": each.version or None,
                "image": each.image,
            }
            for each in operators
        ],
        "definition": versions.definition or None,
        "warnings": list(skews(versions)),
    }
