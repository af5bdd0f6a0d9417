"""The commands that the README gives for a cluster without AWS, as they stand there. Pure."""

import shlex
from itertools import dropwhile, takewhile

HEADING = "## Install it into kind"
INDENT = "    "


def commands(readme: str) -> list[list[str]]:
    """Return the arguments of each command of the section's first indented block, in their order.

    Raises LookupError when there is no such section.
    """
    found = readme.find(HEADING)
    if found < 0:
        raise LookupError(f"the README has no section {HEADING!r}")
    section = readme[found + len(HEADING) :].split("\n## ", 1)[0]
    lines = dropwhile(lambda line: not line.startswith(INDENT), section.splitlines())
    block = "\n".join(takewhile(lambda line: line.startswith(INDENT), lines))
    return [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines()]
