"""The commands that the README gives for a cluster without AWS, as they stand there. Pure."""

import shlex

from docs.markdown import blocks

MARK = "test: kind"
"""The comment above the block."""


def commands(readme: str) -> list[list[str]]:
    """Return the arguments of each command of the marked block, in their order.

    Raises LookupError when there is no such block.
    """
    for block in blocks(readme):
        if block.comment == MARK:
            lines = block.text.replace("\\\n", " ").splitlines()
            return [argv for line in lines if (argv := shlex.split(line, comments=True))]
    raise LookupError(f"the README has no block below the comment {MARK!r}")
