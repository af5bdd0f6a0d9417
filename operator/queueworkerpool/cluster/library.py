"""Imports the Kubernetes client without libraries that it loads and nothing here uses. `connection` and `login` use it.

kubernetes_validate, which the client's dynamic part uses where it is installed, costs a second and 25 MiB (measured),
and nothing here uses that part. An environment that has it, as our tests' does, must not make the operator slower.
pydantic is needed for the client's own response objects, which we do not use, and it is compiled: the plugin of kubectl
does without, so where it is not installed, something stands in for its names.
"""

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_UNUSED = "kubernetes_validate"

_hidden = _UNUSED not in sys.modules
if _hidden:
    sys.modules[_UNUSED] = None  # type: ignore[assignment] # the documented way to make an import fail

_PYDANTIC = "pydantic"


def _stand_in() -> ModuleType:
    """Return a module with the names that the client's modules use when they are loaded."""

    def field(*_: Any, **__: Any) -> None:
        return None

    module = ModuleType(_PYDANTIC)
    names = {name: type(name, (), {}) for name in ("BaseModel", "SecretStr", "StrictBytes", "StrictInt")}
    vars(module).update(names, Field=field)
    return module


_stands_in = find_spec(_PYDANTIC) is None
if _stands_in:
    sys.modules[_PYDANTIC] = _stand_in()

from kubernetes import client, config  # noqa: E402 -- after the lines above, which is their point
from kubernetes.client.exceptions import ApiException  # noqa: E402 -- as above

if _hidden:
    del sys.modules[_UNUSED]
if _stands_in:
    del sys.modules[_PYDANTIC]

__all__ = ["ApiException", "client", "config"]
