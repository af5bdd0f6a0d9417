"""Imports the Kubernetes client without libraries that it loads and nothing here uses. `connection` and `login` use it.

Together these would cost a second and 40 MiB where all are installed (measured), and the operator starts and rests
without them. Something stands in for their names while the client is loaded:

- The client's own parts for watches, streams, elections and dynamic clients, which nothing here uses; the last loads
  kubernetes_validate, too, where that is installed.
- pydantic, for the client's own response objects, which we do not use; whoever else in the process does gets them
  unchecked. It is compiled: the plugin of kubectl does without.
- oauthlib and requests_oauthlib, by which a kubeconfig's old kind of OIDC login is renewed. They are loaded when it is.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """A module that loads the one of its name when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


class _Record:
    """Has the fields that it is made with, as a model of pydantic."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)


def _field(*_: Any, **__: Any) -> None:
    return None


def _session(*arguments: Any, **named: Any) -> Any:
    return importlib.import_module("requests_oauthlib").OAuth2Session(*arguments, **named)


def _stand_ins() -> dict[str, ModuleType]:
    """Return the modules by their names, with what is imported from them by name."""
    unused = ("dynamic", "watch", "stream", "leaderelection", "informer")
    names = (*(f"kubernetes.{part}" for part in unused), "pydantic", "oauthlib", "oauthlib.oauth2", "requests_oauthlib")
    made: dict[str, ModuleType] = {name: _StandIn(name) for name in names}
    types = {name: type(name, (), {}) for name in ("SecretStr", "StrictBytes", "StrictInt")}
    vars(made["pydantic"]).update(types, BaseModel=_Record, Field=_field)
    vars(made["requests_oauthlib"])["OAuth2Session"] = _session
    return {name: module for name, module in made.items() if name not in sys.modules}


_standing_in = _stand_ins()
sys.modules.update(_standing_in)

from kubernetes import client, config  # noqa: E402 -- after the lines above, which are their point
from kubernetes.client.exceptions import ApiException  # noqa: E402 -- as above

for _name in _standing_in:
    del sys.modules[_name]

__all__ = ["ApiException", "client", "config"]
