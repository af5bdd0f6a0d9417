"""Manifests in, verdicts out: what the API server would say to the pools in a file, and what else is doubtful. Pure.

The `qwp validate` command calls `validate`. It needs no cluster: the CRD travels with the package. It decides nothing
about pools that the CRD and the API server do not; the warnings are `lint`'s.
"""

from queueworkerpool.validate.documents import DocumentBrokenError
from queueworkerpool.validate.lint import Warned
from queueworkerpool.validate.problems import Problem
from queueworkerpool.validate.verdicts import Verdict, validate

__all__ = ["DocumentBrokenError", "Problem", "Verdict", "Warned", "validate"]
