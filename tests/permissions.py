"""The IAM policies that docs/eks.md gives, by the comment above each. Tests compare them with what is requested."""

import json
from pathlib import Path
from typing import Any

from docs.markdown import blocks

PAGE = Path(__file__).parents[1] / "docs" / "eks.md"


def documents(kind: str) -> dict[str, dict[str, Any]]:
    """Return the page's documents of a kind (`policy`, `trust`) by their names."""
    marked = ((block.comment.partition(": "), block.text) for block in blocks(PAGE.read_text()))
    return {name: json.loads(text) for (found, _, name), text in marked if found == kind}


def allowed(*names: str) -> set[str]:
    """Return the actions that these policies allow."""
    statements = [statement for name in names for statement in documents("policy")[name]["Statement"]]
    actions = [statement["Action"] for statement in statements]
    return {action for each in actions for action in ([each] if isinstance(each, str) else each)}


def action(operation: str) -> str:
    """Return the action that IAM wants for an operation of SQS: a batch is allowed as its single requests are."""
    return f"sqs:{operation.removesuffix('Batch')}"
