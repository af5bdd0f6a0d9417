"""As whom requests are sent, and where to: a kubeconfig and one of its contexts, else the pod's service account.

`connection` takes its settings from it, the commands for people also the namespace. It sends nothing.
The library checks no types, so a kubeconfig that is broken, or no YAML, may raise any error in it.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from queueworkerpool.cluster.library import client, config
from queueworkerpool.errors import ClusterError

ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds the name of its namespace."""

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True, slots=True)
class Login:
    """A kubeconfig and one of its contexts, chosen as kubectl chooses them.

    Args:
        kubeconfig: The file; empty: KUBECONFIG, else the pod's service account, else ~/.kube/config.
        context: The context's name; empty: the current one.
    """

    kubeconfig: str = ""
    context: str = ""

    def configuration(self) -> Any:
        """Return the client's settings. Raises ClusterError where there is no such file or context."""
        settings = client.Configuration()
        try:
            if self._is_in_a_pod():
                config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call] # theirs
            else:
                load: Any = config.load_kube_config
                load(self._file(), context=self.context or None, client_configuration=settings)
        except Exception as error:  # also after the start: a new token may be half written
            raise self._unusable(error) from error
        return settings

    def namespace(self) -> str:
        """Return the namespace that commands mean when none is named. Raises ClusterError as above."""
        try:
            if self._is_in_a_pod():
                return ACCOUNT_NAMESPACE.read_text().strip() or DEFAULT_NAMESPACE
            listed: Any = config.list_kube_config_contexts
            contexts, current = listed(self._file())
        except Exception as error:
            raise self._unusable(error) from error
        named = {each["name"]: each for each in contexts}
        chosen = named.get(self.context, {}) if self.context else current
        return chosen.get("context", {}).get("namespace") or DEFAULT_NAMESPACE

    def _is_in_a_pod(self) -> bool:
        return "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ and self == Login()

    def _file(self) -> str | None:
        # Passed, because the library reads the variable only when it is imported.
        return self.kubeconfig or os.environ.get("KUBECONFIG")

    def _unusable(self, error: Exception) -> ClusterError:
        if self.context:
            problem = f"the kubeconfig has no usable context {self.context!r}"
        else:
            problem = f"no usable {self.kubeconfig or 'KUBECONFIG or service account'}"
        return ClusterError(f"{problem} ({type(error).__name__})")
