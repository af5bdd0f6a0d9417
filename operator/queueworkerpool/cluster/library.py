"""Imports the Kubernetes client without a library that it loads whenever it finds it. `connection` uses it.

kubernetes_validate, which the client's dynamic part uses where it is installed, costs a second and 25 MiB (measured),
and nothing here uses that part. An environment that has it, as our tests' does, must not make the operator slower.
"""

import sys

_UNUSED = "kubernetes_validate"

_hidden = _UNUSED not in sys.modules
if _hidden:
    sys.modules[_UNUSED] = None  # type: ignore[assignment] # the documented way to make an import fail

from kubernetes import client, config  # noqa: E402 -- after the lines above, which is their point
from kubernetes.client.exceptions import ApiException  # noqa: E402 -- as above

if _hidden:
    del sys.modules[_UNUSED]

__all__ = ["ApiException", "client", "config"]
