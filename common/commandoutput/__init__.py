"""How a command ends when what it prints cannot be written: with a code of its own, and no traceback.

Operator and worker make their groups of commands of it, because both are read by scripts; it knows neither of them, nor
what they print.
"""

from commandoutput.printing import PrintingGroup

__all__ = ["PrintingGroup"]
