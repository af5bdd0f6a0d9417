"""The commands of `qwp`, and of `kubectl qwp`, that read a cluster as the user who calls them; they change nothing.

`__main__` adds them beside `qwp operator`; `commands` holds those that need no cluster. One module per command;
`options` is what they have in common, `failures` how they end when something is wrong. `show` and `explain` make what
they print. What only one command needs is imported inside it: everything at once would take seconds to start.
"""

from queueworkerpool.cli.compare import compare_command
from queueworkerpool.cli.explain import explain_command
from queueworkerpool.cli.history import history_command
from queueworkerpool.cli.list import list_command
from queueworkerpool.cli.version import version_command

COMMANDS = (list_command, explain_command, history_command, compare_command, version_command)

__all__ = ["COMMANDS"]
