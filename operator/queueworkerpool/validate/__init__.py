"""Checks the pools in a file as the API server would, and warns of what is valid but probably a mistake. Pure.

The `qwp validate` command calls `validate`. It needs no cluster, because the package contains the CRD. It refuses
nothing that the API server accepts but what the operator refuses itself (`addresses`, `schedules`); the warnings come
from `lint` and `workloads`.
"""

from queueworkerpool.validate.documents import DocumentBrokenError
from queueworkerpool.validate.lint import LintWarning
from queueworkerpool.validate.problems import Problem
from queueworkerpool.validate.verdicts import Verdict, validate

__all__ = ["DocumentBrokenError", "LintWarning", "Problem", "Verdict", "validate"]
