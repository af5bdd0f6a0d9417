"""Imports kopf without the Kubernetes client's models, which it would load. `adapter` and `session` use it.

kopf knows the objects of that client where it is installed, and we give it none: its models and pydantic below them
would cost half a second and 12 MiB (measured). kopf does without where they cannot be imported.
"""

import sys

_CLIENT = "kubernetes.client"

_loaded = sys.modules.get(_CLIENT)
sys.modules[_CLIENT] = None  # type: ignore[assignment] # the documented way to make an import fail

import kopf  # noqa: E402 -- after the line above, which is its point

if _loaded is None:
    del sys.modules[_CLIENT]
else:
    sys.modules[_CLIENT] = _loaded

__all__ = ["kopf"]
