"""The commands that a page gives for a cluster without AWS, as they stand there. Pure."""

import shlex

from docs.markdown import marked

MARK = "test: kind"
"""The comment above each block of them."""


def commands(page: str) -> list[list[list[str]]]:
    """Return for each marked block the arguments of each of its commands, in their order."""
    return [_commands(block.text.replace("\\\n", " ")) for block in marked(page, MARK)]


def _commands(text: str) -> list[list[str]]:
    return [argv for line in text.splitlines() if (argv := shlex.split(line, comments=True))]
